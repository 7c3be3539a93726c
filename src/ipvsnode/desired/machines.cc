// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/machines.h"

namespace barevip::node {

std::map<IpAddress, std::string> machineAddresses(const ClusterState& cluster) {
  std::map<IpAddress, std::string> result;
  for (const auto& node : cluster.nodes) {
    const std::string whose = "the address of node " + node->key.name;
    for (const auto* addresses : {&node->internalIps, &node->externalIps}) {
      for (const IpAddress& address : *addresses) result.emplace(address, whose);
    }
  }
  // Kept by the API servers themselves (kubernetes/pkg/controlplane/reconcilers).
  const kube::ObjectKey own{"default", "kubernetes"};
  for (const auto& slice : cluster.slices) {
    if (slice->key != own) continue;
    for (const model::Endpoint& endpoint : slice->endpoints) {
      for (const IpAddress& address : endpoint.addresses) {
        result.emplace(address, "the address of an API server");
      }
    }
  }
  return result;
}

}  // namespace barevip::node
