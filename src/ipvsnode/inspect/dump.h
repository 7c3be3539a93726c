// SPDX-License-Identifier: Apache-2.0
// What this node should hold and what its kernel holds, side by side.
#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "ipvsnode/announce/vip_election.h"
#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/desired/desired.h"
#include "ipvsnode/plan/diff.h"

namespace barevip::node {

/// A picture of one moment. Read-only; the running daemon is not asked.
struct Dump {
  std::string node;
  Placement placement = Placement::kDirector;
  std::vector<std::string> bindInterfaces;
  DesiredState desired;  ///< announcements: of the VIPs whose IP object names this node
  KernelState kernel;
  std::map<IpAddress, std::string> holders;  ///< status.node of the IP objects
};

/// Lists what the daemon would watch. forward: of Services without a wish.
[[nodiscard]] Result<ClusterState> listCluster(kube::Api& api, model::ForwardMode forward,
                                               const std::stop_token& stop);

/// Computes the desired state and compares. addresses: all of the node's namespace; local: but for
/// what follows from them.
[[nodiscard]] Dump makeDump(const ClusterState& cluster, KernelState kernel,
                            const std::vector<net::BoundAddress>& addresses, LocalFacts local,
                            const DesiredOptions& options);

/// For people: a line each for what is wanted and there (=), wanted and missing (+), there and not
/// wanted (-), there in another form (~); then each difference with its reason, by VIP.
[[nodiscard]] std::string toTable(const Dump& dump);

/// For programs. Members: node, placement, bindInterface (the first of bindInterfaces),
/// bindInterfaces[], inSync; vips[] {address, services[], holder, announcedHere}; timeouts
/// {desired, kernel (each {tcp, tcpFin, udp}, in seconds)}; virtualServers[] {address, port,
/// protocol, desired, kernel (each null or {scheduler, flags, persistenceSeconds}), realServers[]
/// {address, port, desired (null or {weight}), kernel (null or {weight, activeConnections,
/// inactiveConnections})}}; items[] {namespace, item, desired, kernel (booleans)}; problems[]
/// {service, vip, reason, message}; differences[] {vip ("": all), subject, reason}. Members may be
/// added, these stay.
[[nodiscard]] std::string toJson(const Dump& dump);

}  // namespace barevip::node
