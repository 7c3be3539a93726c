// SPDX-License-Identifier: Apache-2.0
// What a node should have, by the promises of docs/data-flow.md: loops over the small world that
// share nothing with the code that decides.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/ipvs/kernel.h"
#include "barevip/net/rtnetlink.h"

#include "history/node/cluster.h"

namespace barevip::node::history {

struct WantedServer {
  ipvs::VirtualServerOptions options;
  std::set<ipvs::RealServerKey> reals;
  bool keepsClient = false;  ///< all of them are on this node
  std::optional<std::vector<IpPrefix>> sources;
};

struct WantedVip {
  bool byKubeProxy = false;
  std::map<ipvs::VirtualServerKey, WantedServer> servers;
  std::set<net::NetObject> nodeObjects;
  std::set<net::NetObject> balancerItems;
  net::NetObject announcement;
  /// An IP object names a node. Before that the node may leave the VIP out: it may be another
  /// machine's.
  bool recorded = false;
};

struct WantedNode {
  std::map<IpAddress, WantedVip> vips;
  std::set<net::NetObject> plumbing;  ///< there whether or not a VIP is
};

struct NodeFacts {
  Pick node = 0;
  bool lacksMh = false;
  std::set<IpAddress> held;  ///< something else has them on this node
};

[[nodiscard]] WantedNode wantedOn(const Cluster& cluster, const NodeFacts& facts);

/// Which nodes may announce the VIP when all is calm; unable: those that cannot.
[[nodiscard]] std::set<Pick> announcersOf(const Cluster& cluster, const IpAddress& vip,
                                          const std::set<Pick>& unable);

/// The address is a pod's on another node.
[[nodiscard]] bool runsElsewhere(const Cluster& cluster, Pick node, const IpAddress& address);

[[nodiscard]] bool isByKubeProxy(const Cluster& cluster, const IpAddress& vip);

/// All VIPs of Services, ascending.
[[nodiscard]] std::set<IpAddress> vipsOf(const Cluster& cluster);

}  // namespace barevip::node::history
