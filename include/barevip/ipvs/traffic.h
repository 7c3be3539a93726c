// SPDX-License-Identifier: Apache-2.0
// What went through IPVS, as the kernel counts it: a seam of its own, beside that of programming.
#pragma once

#include <cstdint>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/ipvs/kernel.h"

namespace barevip::ipvs {

/// Since the virtual or real server was made, or its counters were zeroed by another program. In:
/// from clients. Bytes with their IP headers.
struct TrafficCounters {
  std::uint64_t connections = 0;
  std::uint64_t incomingPackets = 0;
  std::uint64_t outgoingPackets = 0;
  std::uint64_t incomingBytes = 0;
  std::uint64_t outgoingBytes = 0;

  friend bool operator==(const TrafficCounters&, const TrafficCounters&) = default;
};

struct VirtualServerTraffic {
  VirtualServerKey key;
  TrafficCounters counters;

  friend bool operator==(const VirtualServerTraffic&, const VirtualServerTraffic&) = default;
};

struct RealServerTraffic {
  RealServerKey key;
  TrafficCounters counters;
  std::uint32_t activeConnections = 0;    ///< now; TCP: established
  std::uint32_t inactiveConnections = 0;  ///< now; remembered, but not active

  friend bool operator==(const RealServerTraffic&, const RealServerTraffic&) = default;
};

/// Counters of the IPVS table of one network namespace. Not thread-safe, but beside a Kernel of
/// another thread: what that one changes meanwhile may be missing from an answer.
///
/// The kernel brings the counters up to date every two seconds, and not at all while
/// net.ipv4.vs.run_estimation is 0 (net/netfilter/ipvs/ip_vs_est.c); connections are those of now.
class Traffic {
 public:
  virtual ~Traffic() = default;

  /// Of all virtual servers, ascending by key, without duplicates or entries by firewall mark.
  virtual Result<std::vector<VirtualServerTraffic>> virtualServers() = 0;
  /// Of the real servers of one, ascending by key; none if there is no such virtual server.
  virtual Result<std::vector<RealServerTraffic>> realServers(const VirtualServerKey& key) = 0;
};

}  // namespace barevip::ipvs
