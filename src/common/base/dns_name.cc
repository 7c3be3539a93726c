// SPDX-License-Identifier: Apache-2.0
#include "common/base/dns_name.h"

#include <cstddef>

namespace barevip {
namespace {

constexpr std::size_t kLongestSubdomain = 253;
constexpr std::size_t kLongestLabel = 63;

bool isLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool isDnsSubdomain(const std::string& name) {
  if (name.empty() || name.size() > kLongestSubdomain || !isLowerAlphanumeric(name.back()))
    return false;
  char before = '.';
  for (const char c : name) {
    if (c == '.' && before == '-') return false;
    if (!isLowerAlphanumeric(c) && (before == '.' || (c != '-' && c != '.'))) return false;
    before = c;
  }
  return true;
}

bool isDnsLabel(const std::string& name) {
  return name.size() <= kLongestLabel && name.find('.') == std::string::npos &&
         isDnsSubdomain(name);
}

}  // namespace barevip
