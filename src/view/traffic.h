// SPDX-License-Identifier: Apache-2.0
// Where the traffic of each VIP goes: to its owner, and from there to backends. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "view/cluster.h"
#include "view/vips.h"

namespace barevip::view {

struct Backend {
  std::string endpoint;  ///< "10.1.0.1:8080", "[fd00::1]:8080"
  std::string node;      ///< where it runs, as its EndpointSlice says; empty: it does not

  friend bool operator==(const Backend&, const Backend&) = default;
};

/// A port of a Service on a VIP.
struct PortTraffic {
  std::string service;            ///< "namespace/name"
  std::string port;               ///< "80/TCP"
  bool local = false;             ///< externalTrafficPolicy Local: the owner forwards to its own
  std::size_t total = 0;          ///< backends on all nodes
  std::vector<Backend> backends;  ///< ascending by address; the first kMostBackends

  friend bool operator==(const PortTraffic&, const PortTraffic&) = default;
};
inline constexpr std::size_t kMostBackends = 64;

struct VipTraffic {
  std::string address;
  std::string owner;  ///< the node that should announce it; empty: none may
  std::vector<PortTraffic> ports;
  bool byKubeProxy = false;  ///< kube-proxy forwards it, to ports that IPVS does not have

  friend bool operator==(const VipTraffic&, const VipTraffic&) = default;
};

/// Of all VIPs, ascending. forwarding: of that cluster.
[[nodiscard]] std::vector<VipTraffic> trafficOf(const Cluster& cluster,
                                                const Forwarding& forwarding);

}  // namespace barevip::view
