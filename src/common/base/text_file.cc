// SPDX-License-Identifier: Apache-2.0
#include "common/base/text_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace barevip {

Result<std::string> readTextFile(const std::string& file) {
  std::error_code ignored;
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in && !std::filesystem::is_directory(file, ignored)) {
    text.assign(std::istreambuf_iterator<char>(in), {});
  } else {
    in.setstate(std::ios::badbit);
  }
  if (in.bad()) {
    return fail(ErrorCode::kInvalid,
                "cannot read the file \"" + file + "\": check its path and permissions");
  }
  return text;
}

}  // namespace barevip
