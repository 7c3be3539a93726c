// SPDX-License-Identifier: Apache-2.0
#include "common/kube/token_file.h"

#include <algorithm>
#include <fstream>
#include <utility>

namespace barevip::kube {

bool isToken(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::function<Result<std::string>()> tokenFile(std::string path) {
  return [path = std::move(path)]() -> Result<std::string> {
    std::ifstream in(path, std::ios::binary);
    std::string token;
    in >> token;
    if (!isToken(token)) {
      return fail(ErrorCode::kForbidden,
                  "the file \"" + path + "\" holds no token: check its path and permissions");
    }
    return token;
  };
}

}  // namespace barevip::kube
