// SPDX-License-Identifier: Apache-2.0
// Which addresses the endpoints of a Service may lead to. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/model/endpoint_slice.h"
#include "barevip/model/service.h"

#include "ipvsnode/cluster/cluster_state.h"

namespace barevip::node {

/// Requests reach their real server with an address of this node. Who may write EndpointSlices
/// must not make a VIP a way to what that address is let in by and the client is not
/// (CVE-2021-25740).
///
/// Never: loopback, link-local, multicast, and VIPs, which would be a loop.
/// From a slice that was written by hand, neither: machines of the cluster, clusterIPs, and pods
/// that Services of other namespaces select. What the control plane derives from a selector is
/// believed: pods with the network of their host have the address of a node.
class EndpointAdmission {
 public:
  /// trusted: namespaces in which what is written by hand is believed, too. All must outlive it.
  EndpointAdmission(const ClusterState& cluster, const std::set<IpAddress>& vips,
                    const std::set<std::string>& trusted)
      : cluster_(cluster), vips_(vips), trusted_(trusted) {}

  /// Whether the control plane keeps the endpoints of the slice.
  [[nodiscard]] static bool isDerived(const model::Service& service,
                                      const model::EndpointSlice& slice) {
    return slice.byController && service.selects;
  }

  /// What the address is, so that it cannot be a real server: "a load balancer's address", with
  /// nothing on who else is there; nullopt: it can.
  [[nodiscard]] std::optional<std::string> refusal(const model::Service& service,
                                                   const model::EndpointSlice& slice,
                                                   const IpAddress& address);

 private:
  /// What a slice that was written by hand may not lead to.
  struct Guarded {
    std::map<IpAddress, std::string> machines;
    std::set<IpAddress> clusterIps;
    std::map<IpAddress, std::set<std::string>> pods;  ///< and the namespaces that select them
  };
  const Guarded& guarded();

  const ClusterState& cluster_;
  const std::set<IpAddress>& vips_;
  const std::set<std::string>& trusted_;
  std::optional<Guarded> guarded_;  ///< made when the first such slice is met: most have none
};

}  // namespace barevip::node
