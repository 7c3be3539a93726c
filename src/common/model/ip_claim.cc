// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/ip_claim.h"

#include <string_view>

namespace barevip::model {
namespace {

constexpr std::string_view kSeparator = ", ";

}  // namespace

std::vector<std::string> serviceNames(const IpClaim& claim) {
  std::vector<std::string> names;
  std::string_view text = claim.status.service;
  while (true) {
    const auto begin = text.find_first_not_of(kSeparator);
    if (begin == std::string_view::npos) return names;
    text.remove_prefix(begin);
    names.emplace_back(text.substr(0, text.find_first_of(kSeparator)));
    text.remove_prefix(names.back().size());
  }
}

std::string joinServiceNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += kSeparator;
    text += name;
  }
  return text;
}

}  // namespace barevip::model
