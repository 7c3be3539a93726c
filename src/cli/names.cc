// SPDX-License-Identifier: Apache-2.0
#include "cli/names.h"

#include <algorithm>

namespace barevip::cli {
namespace {

constexpr std::size_t kMaxName = 253;

bool isLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool isPoolName(const std::string& name) {
  if (name.empty() || name.size() > kMaxName || !isLowerAlphanumeric(name.back())) return false;
  char before = '.';
  for (const char c : name) {
    if (c == '.' && before == '-') return false;
    if (!isLowerAlphanumeric(c) && (before == '.' || (c != '-' && c != '.'))) return false;
    before = c;
  }
  return true;
}

std::vector<std::string> withoutRepeats(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    if (std::find(result.begin(), result.end(), name) == result.end()) result.push_back(name);
  }
  return result;
}

}  // namespace barevip::cli
