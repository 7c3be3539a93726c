// SPDX-License-Identifier: Apache-2.0
#include "common/kube/token_file.h"

#include <algorithm>
#include <fstream>
#include <utility>

namespace barevip::kube {

std::function<Result<std::string>()> tokenFile(std::string path) {
  return [path = std::move(path)]() -> Result<std::string> {
    std::ifstream in(path, std::ios::binary);
    std::string token;
    in >> token;
    // Control characters would end up in a header.
    const bool printable =
        std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (token.empty() || !printable) {
      return fail(ErrorCode::kForbidden,
                  "the file \"" + path + "\" holds no token: check its path and permissions");
    }
    return token;
  };
}

}  // namespace barevip::kube
