// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/ip_claim.h"

#include <string_view>

namespace barevip::model {
namespace {

constexpr std::string_view kSeparator = ", ";

}  // namespace

std::vector<std::string> serviceNames(const IpClaim& claim) {
  std::vector<std::string> names;
  for (std::string_view rest = claim.status.service; !rest.empty();) {
    const auto end = rest.find(kSeparator);
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + kSeparator.size());
  }
  return names;
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
