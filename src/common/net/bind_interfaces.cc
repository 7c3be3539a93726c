// SPDX-License-Identifier: Apache-2.0
#include "barevip/net/bind_interfaces.h"

#include <algorithm>
#include <optional>

namespace barevip::net {
namespace {

constexpr std::string_view kDown = "/down";
constexpr std::size_t kMaxSubnets = 32;  // of one interface in a Lease

std::optional<std::uint8_t> longestPrefix(const BindInterface& one, const IpAddress& address) {
  std::optional<std::uint8_t> longest;
  for (const IpPrefix& subnet : one.subnets) {
    if (subnet.network.family() != address.family() || !subnet.range().contains(address)) continue;
    longest = std::max(longest.value_or(0), subnet.length);
  }
  return longest;
}

}  // namespace

bool isInSubnetOf(const BindInterface& one, const IpAddress& address) {
  return longestPrefix(one, address).has_value();
}

const BindInterface* interfaceFor(const IpAddress& address, const BindInterfaces& all,
                                  const std::vector<std::string>& names) {
  const BindInterface* first = nullptr;
  const BindInterface* best = nullptr;
  std::uint8_t longest = 0;
  for (const BindInterface& one : all) {
    if (!names.empty() && std::find(names.begin(), names.end(), one.name) == names.end()) continue;
    if (first == nullptr) first = &one;
    const auto length = longestPrefix(one, address);
    if (!length || (best != nullptr && *length <= longest)) continue;
    best = &one;
    longest = *length;
  }
  return best == nullptr ? first : best;
}

std::string toText(const BindInterfaces& all) {
  std::string text;
  const auto add = [&text](std::string_view word) {
    if (!text.empty()) text += ' ';
    text += word;
  };
  for (const BindInterface& one : all) {
    add(one.name);
    for (const IpPrefix& subnet : one.subnets) add(subnet.toString());
    if (!one.running) add(kDown);
  }
  return text;
}

BindInterfaces readBindInterfaces(std::string_view text) {
  BindInterfaces all;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (word.empty()) continue;
    if (word.find('/') == std::string_view::npos) {
      if (all.size() == kMaxBindInterfaces) break;
      all.push_back({std::string(word)});
    } else if (all.empty()) {
      continue;
    } else if (word == kDown) {
      all.back().running = false;
    } else if (const auto subnet = IpPrefix::parse(word);
               subnet && all.back().subnets.size() < kMaxSubnets) {
      all.back().subnets.push_back(*subnet);
    }
  }
  return all;
}

}  // namespace barevip::net
