// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/names.h"

#include <set>
#include <string_view>

namespace barevip::cli {
std::vector<std::string> withoutRepeats(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (seen.insert(name).second) result.push_back(name);
  }
  return result;
}

}  // namespace barevip::cli
