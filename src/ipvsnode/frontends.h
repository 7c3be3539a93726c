// SPDX-License-Identifier: Apache-2.0
// Which VIP, port and protocol belongs to which Service. Pure.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "barevip/ipvs/kernel.h"

#include "ipvsnode/cluster_state.h"

namespace barevip::node {

/// The condition that the operator sets on a Service once the ingress addresses are ours.
inline constexpr const char* kAddressAssigned = "barevip.dev/AddressAssigned";

struct Frontend {
  ipvs::VirtualServerKey key;
  std::shared_ptr<const model::Service> service;
  model::ServicePort port;
};

struct Frontends {
  std::vector<Frontend> all;  ///< ascending by key, one for each key
  std::vector<Problem> problems;
};

/// An address that packets of others can be sent to: unicast, beyond the link, not the loopback,
/// and none of the transfer networks between node and director.
[[nodiscard]] bool isRoutableUnicast(const IpAddress& address);

/// A Service's address is served if it stands in its status with ipMode Proxy, the Service carries
/// our condition with status True, it is routable unicast, no node's own address and not in
/// `held`. Two Services with one key: the one that is not being deleted, then the first by
/// namespace and name has it; the other gets a Problem.
///
/// held: addresses that something else holds on this node, and what.
[[nodiscard]] Frontends selectFrontends(const ClusterState& cluster,
                                        const std::map<IpAddress, std::string>& held,
                                        bool requireClass);

}  // namespace barevip::node
