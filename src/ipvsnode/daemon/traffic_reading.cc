// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/traffic_reading.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace barevip::node {
namespace {

using Servers = std::vector<ipvs::VirtualServerTraffic>;

const ListedTraffic* find(const TrafficReading& reading, const ipvs::VirtualServerKey& key) {
  const auto at = std::lower_bound(
      reading.listed.begin(), reading.listed.end(), key,
      [](const ListedTraffic& one, const auto& wanted) { return one.server.key < wanted; });
  return at != reading.listed.end() && at->server.key == key ? &*at : nullptr;
}

/// Those with traffic first, then those that were listed before, so that series do not come and go.
void rank(Servers& servers, const TrafficReading& before) {
  const auto rankOf = [&](const ipvs::VirtualServerTraffic& one) {
    const bool idle = one.counters == ipvs::TrafficCounters{};
    const ListedTraffic* const earlier = find(before, one.key);
    const bool withBackends = earlier != nullptr && !earlier->realServers.empty();
    return std::tuple(idle, earlier == nullptr, !withBackends, one.key);
  };
  std::sort(servers.begin(), servers.end(),
            [&](const auto& a, const auto& b) { return rankOf(a) < rankOf(b); });
}

}  // namespace

const VipPort* findVipPort(std::span<const VipPort> vipPorts, const ipvs::VirtualServerKey& key) {
  const auto at =
      std::lower_bound(vipPorts.begin(), vipPorts.end(), key,
                       [](const VipPort& one, const auto& wanted) { return one.key < wanted; });
  return at != vipPorts.end() && at->key == key ? &*at : nullptr;
}

Result<TrafficReading> readTraffic(ipvs::Traffic& kernel, std::span<const VipPort> vipPorts,
                                   const TrafficReading& before, const TrafficLimits& limits) {
  auto servers = kernel.virtualServers();
  if (!servers) return tl::make_unexpected(std::move(servers.error()));
  std::erase_if(*servers,
                [&](const auto& one) { return findVipPort(vipPorts, one.key) == nullptr; });
  TrafficReading reading;
  rank(*servers, before);
  if (servers->size() > limits.virtualServers) {
    reading.virtualServersLeftOut = servers->size() - limits.virtualServers;
    servers->resize(limits.virtualServers);
  }
  reading.listed.reserve(servers->size());
  std::size_t room = limits.realServers;
  for (const ipvs::VirtualServerTraffic& server : *servers) {
    auto reals = kernel.realServers(server.key);
    if (!reals) return tl::make_unexpected(std::move(reals.error()));
    ListedTraffic one{server, 0, 0, {}};
    for (const ipvs::RealServerTraffic& real : *reals) {
      one.activeConnections += real.activeConnections;
      one.inactiveConnections += real.inactiveConnections;
    }
    if (reals->size() <= room) {
      room -= reals->size();
      one.realServers = std::move(*reals);
    } else {
      reading.realServersLeftOut += reals->size();
    }
    reading.listed.push_back(std::move(one));
  }
  std::sort(reading.listed.begin(), reading.listed.end(),
            [](const auto& a, const auto& b) { return a.server.key < b.server.key; });
  return reading;
}

}  // namespace barevip::node
