// SPDX-License-Identifier: Apache-2.0
#include "common/base/text_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace barevip {
namespace {

TEST(ReadTextFile, ReadsAllOfItAsItIs) {
  const auto file = std::filesystem::temp_directory_path() / "barevip-text-file-test";
  for (const std::string& text : {std::string("a\r\nb\0c", 6), std::string()}) {
    std::ofstream(file, std::ios::binary) << text;
    const auto read = readTextFile(file.string());
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, text);
  }
  std::filesystem::remove(file);
}

TEST(ReadTextFile, NamesWhatCannotBeRead) {
  for (const std::string file : {"/nonexistent/file", "/"}) {
    const auto read = readTextFile(file);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message,
              "cannot read the file \"" + file + "\": check its path and permissions");
  }
}

}  // namespace
}  // namespace barevip
