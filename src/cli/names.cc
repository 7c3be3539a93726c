// SPDX-License-Identifier: Apache-2.0
#include "cli/names.h"

#include <set>
#include <string_view>

#include "cli/limits.h"

namespace barevip::cli {
namespace {

bool isLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool isPoolName(const std::string& name) {
  if (name.empty() || name.size() > limits::kName || !isLowerAlphanumeric(name.back()))
    return false;
  char before = '.';
  for (const char c : name) {
    if (c == '.' && before == '-') return false;
    if (!isLowerAlphanumeric(c) && (before == '.' || (c != '-' && c != '.'))) return false;
    before = c;
  }
  return true;
}

bool isNamespaceName(const std::string& name) {
  return name.size() <= limits::kNamespaceName && name.find('.') == std::string::npos &&
         isPoolName(name);
}

std::vector<std::string> withoutRepeats(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (seen.insert(name).second) result.push_back(name);
  }
  return result;
}

}  // namespace barevip::cli
