// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/plan/drift.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <variant>
#include <vector>

namespace barevip::node {
namespace {

constexpr const char* kVirtualServer = "virtual_server";
constexpr const char* kRealServer = "real_server";
/// By the alternatives of net::NetObject.
constexpr std::array<const char*, std::variant_size_v<net::NetObject>> kItems{"address", "route",
                                                                              "neighbour", "rule"};

void count(Drift& drift, std::string_view kind, std::size_t number) {
  if (number > 0) drift[kind] += number;
}

std::size_t differences(const ipvs::VirtualServer& before, const ipvs::VirtualServer& now) {
  std::size_t number = 0;
  auto a = before.realServers.begin();
  auto b = now.realServers.begin();
  while (a != before.realServers.end() || b != now.realServers.end()) {
    const bool onlyBefore =
        b == now.realServers.end() || (a != before.realServers.end() && a->key < b->key);
    const bool onlyNow = !onlyBefore && (a == before.realServers.end() || b->key < a->key);
    if (onlyBefore || onlyNow || !(*a == *b)) ++number;
    if (!onlyNow) ++a;
    if (!onlyBefore) ++b;
  }
  return number;
}

}  // namespace

void addIpvsDrift(const KernelState& mirror, const KernelState& found,
                  const std::function<bool(const ipvs::VirtualServerKey&)>& ours, Drift& drift) {
  std::size_t servers = 0;
  std::size_t reals = 0;
  for (const auto& [key, before] : mirror.virtualServers) {
    if (!ours(key)) continue;
    const auto now = found.virtualServers.find(key);
    if (now == found.virtualServers.end()) {
      ++servers;
      continue;
    }
    if (!(before.options == now->second.options)) ++servers;
    reals += differences(before, now->second);
  }
  for (const auto& [key, now] : found.virtualServers) {
    if (ours(key) && !mirror.virtualServers.contains(key)) ++servers;
  }
  count(drift, kVirtualServer, servers);
  count(drift, kRealServer, reals);
}

std::vector<net::NetObject> addLinkDrift(const std::set<net::NetObject>& mirror,
                                         const std::set<net::NetObject>& found, Drift& drift) {
  std::vector<net::NetObject> different;
  std::set_symmetric_difference(mirror.begin(), mirror.end(), found.begin(), found.end(),
                                std::back_inserter(different));
  for (const net::NetObject& item : different) count(drift, kItems.at(item.index()), 1);
  return different;
}

}  // namespace barevip::node
