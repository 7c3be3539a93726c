// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/machines.h"

namespace barevip::node {

const kube::ObjectKey& apiServersSlice() {
  static const kube::ObjectKey key{"default", "kubernetes"};
  return key;
}

std::map<IpAddress, std::string> machineAddresses(const ClusterState& cluster) {
  std::map<IpAddress, std::string> result;
  for (const auto& node : cluster.nodes) {
    const std::string whose = "the address of node " + node->key.name;
    for (const auto* addresses : {&node->internalIps, &node->externalIps}) {
      for (const IpAddress& address : *addresses) result.emplace(address, whose);
    }
  }
  for (const auto& slice : cluster.slices) {
    if (slice->key != apiServersSlice()) continue;
    for (const model::Endpoint& endpoint : slice->endpoints) {
      for (const IpAddress& address : endpoint.addresses) {
        result.emplace(address, "the address of an API server");
      }
    }
  }
  return result;
}

}  // namespace barevip::node
