// SPDX-License-Identifier: Apache-2.0
// One look at IPVS's own counters, within a bound. No thread, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/ipvs/traffic.h"

#include "ipvsnode/desired/vip_ports.h"

namespace barevip::node {

/// How many of each are listed at most, since each is several series of a monitoring system.
struct TrafficLimits {
  std::size_t virtualServers = 1000;
  std::size_t realServers = 2000;
};

struct ListedTraffic {
  ipvs::VirtualServerTraffic server;
  std::uint64_t activeConnections = 0;  ///< of all its real servers, listed or not
  std::uint64_t inactiveConnections = 0;
  std::vector<ipvs::RealServerTraffic> realServers;  ///< ascending; all, or none beyond the limit
};

struct TrafficReading {
  std::vector<ListedTraffic> listed;  ///< ascending by key
  std::size_t virtualServersLeftOut = 0;
  std::size_t realServersLeftOut = 0;  ///< of the virtual servers that are listed
};

/// The port with that key; nullptr if there is none. vipPorts: ascending by key.
[[nodiscard]] const VipPort* findVipPort(std::span<const VipPort> vipPorts,
                                         const ipvs::VirtualServerKey& key);

/// Virtual servers that are not of a VIP port are another program's and not read. Beyond a
/// limit those with traffic go first, then those that `before` lists, so that series do not come
/// and go; then ascending by key. A virtual server whose real servers do not all fit lists none of
/// them.
[[nodiscard]] Result<TrafficReading> readTraffic(ipvs::Traffic& kernel,
                                                 std::span<const VipPort> vipPorts,
                                                 const TrafficReading& before,
                                                 const TrafficLimits& limits);

}  // namespace barevip::node
