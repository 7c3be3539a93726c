// SPDX-License-Identifier: Apache-2.0
// What this node should hold for one VIP. Pure.
#pragma once

#include <vector>

#include "ipvsnode/cluster/announce_rules.h"
#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/desired/desired.h"
#include "ipvsnode/desired/endpoint_admission.h"
#include "ipvsnode/desired/endpoints.h"

namespace barevip::node {

/// All that follows from the Services, EndpointSlices and IP objects of one VIP, and from what
/// LocalFacts says of it. What depends on other VIPs is not in here: source ranges have a budget
/// for all together (source_ranges.h), and who announces is elected.
struct DesiredVip {
  ServedVip served;
  /// What IPVS on this node is to serve of it, ascending by key: none where it cannot or where
  /// kube-proxy forwards.
  std::vector<VipPort> vipPorts;
  std::vector<ipvs::VirtualServer> virtualServers;  ///< of each port of a VIP, in their order
  /// Those of them to which clients keep their address.
  std::vector<ipvs::VirtualServerKey> keepClient;
  std::vector<Problem> problems;
  /// Endpoints of a Service that shares it were written by hand: whether they are admitted depends
  /// on objects of others.
  bool byHand = false;
};

/// What a VIP is computed from.
struct VipSources {
  const DesiredOptions& options;
  const LocalFacts& local;
  const EndpointIndex& endpoints;
  const IpIndex& ipObjects;
  EndpointAdmission& admission;
  const PoolsByName& pools;
};

/// vipPorts: of VipPortChoice; not empty.
[[nodiscard]] DesiredVip computeVip(const VipPorts& vipPorts, const VipSources& sources);

/// The addresses and routes by which a VIP leads to IPVS.
struct VipObjects {
  std::vector<net::NetObject> node;
  std::vector<net::NetObject> director;  ///< empty with Placement::kHost
};
[[nodiscard]] VipObjects itemsOf(const IpAddress& vip, Placement placement);

}  // namespace barevip::node
