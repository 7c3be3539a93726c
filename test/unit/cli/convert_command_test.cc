// SPDX-License-Identifier: Apache-2.0
#include "cli/convert_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace barevip::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kClean =
    "apiVersion: inwinstack.com/v1\nkind: Pool\nmetadata: {name: lan}\n"
    "spec: {addresses: [10.0.0.0/24]}\n";
constexpr const char* kNoted =
    "apiVersion: inwinstack.com/v1\nkind: Pool\nmetadata: {name: wan}\n"
    "spec: {addresses: [10.0.1.0]}\n";
constexpr const char* kMalformed =
    "apiVersion: inwinstack.com/v1\nkind: Pool\nmetadata: {name: bad}\n"
    "spec: {addresses: [router]}\n";

constexpr const char* kLost =
    "apiVersion: inwinstack.com/v1\nkind: Pool\nmetadata: {name: dmz}\n"
    "spec: {addresses: [10.0.2.0/24], assignToNamespace: true}\n";

struct Outcome {
  int status;
  std::string pools;
  std::string messages;
};

Outcome convert(const std::string& input, ConvertOptions options = {{"-"}}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream messages;
  const int status = runConvert(options, in, out, messages);
  return {status, out.str(), messages.str()};
}

TEST(ConvertCommand, PrintsPools) {
  const Outcome run = convert(kClean);
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.pools, HasSubstr("name: lan"));
  EXPECT_EQ(run.messages, "");
}

TEST(ConvertCommand, NotesAreNoError) {
  const Outcome run = convert(kNoted);
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.pools, HasSubstr("name: wan"));
  EXPECT_THAT(run.messages, StartsWith("note: standard input, document 1, Pool wan: "));
}

TEST(ConvertCommand, WithStrictNotesEndWithStatusThreeAndNoPool) {
  const Outcome run = convert(kNoted, {{"-"}, true});
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.pools, "");
  EXPECT_EQ(convert(kClean, {{"-"}, true}).status, 0);
}

TEST(ConvertCommand, ALossEndsWithStatusFourAndNoPool) {
  for (const bool strict : {false, true}) {
    const Outcome run = convert(kLost, {{"-"}, strict});
    EXPECT_EQ(run.status, 4);
    EXPECT_EQ(run.pools, "");
    EXPECT_THAT(run.messages, StartsWith("error: standard input, document 1, Pool dmz: "));
    EXPECT_THAT(run.messages, HasSubstr("--lossy"));
  }
}

TEST(ConvertCommand, WithLossyALossIsANote) {
  const Outcome run = convert(kLost, {{"-"}, false, true});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.pools, HasSubstr("name: dmz"));
  EXPECT_THAT(run.messages, StartsWith("note: standard input, document 1, Pool dmz: "));
  EXPECT_THAT(run.messages, Not(HasSubstr("error")));
  EXPECT_EQ(convert(kLost, {{"-"}, true, true}).status, 3);
}

TEST(ConvertCommand, WhatIsMalformedEndsWithStatusOneAndNoPool) {
  const Outcome run = convert(std::string(kClean) + "---\n" + kMalformed);
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.pools, "");
  EXPECT_THAT(run.messages, StartsWith("error: standard input, document 2, Pool bad: "));
  EXPECT_EQ(convert(std::string(kLost) + "---\n" + kMalformed, {{"-"}, true, true}).status, 1);
}

TEST(ConvertCommand, ReadsFilesTogether) {
  const auto file = std::filesystem::temp_directory_path() / "barevip-convert-command-test.yaml";
  std::ofstream(file) << kClean;
  const Outcome run = convert(kNoted, {{file.string(), "-"}});
  std::filesystem::remove(file);
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.pools, HasSubstr("name: lan"));
  EXPECT_THAT(run.pools, HasSubstr("name: wan"));
}

TEST(ConvertCommand, AFileThatCannotBeReadEndsWithStatusOne) {
  const Outcome run = convert("", {{"/nonexistent/pools.yaml"}});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.messages,
            "error: cannot read the file \"/nonexistent/pools.yaml\": check its path and "
            "permissions\n");
}

}  // namespace
}  // namespace barevip::cli
