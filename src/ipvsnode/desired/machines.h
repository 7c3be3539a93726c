// SPDX-License-Identifier: Apache-2.0
// The addresses of the machines of the cluster. Pure.
#pragma once

#include <map>
#include <string>

#include "barevip/base/ip.h"

#include "ipvsnode/cluster/cluster_state.h"

namespace barevip::node {

/// The EndpointSlice that the API servers keep of themselves
/// (kubernetes/pkg/controlplane/reconcilers).
[[nodiscard]] const kube::ObjectKey& apiServersSlice();

/// Those of nodes and API servers, and what each is: "the address of node n1".
[[nodiscard]] std::map<IpAddress, std::string> machineAddresses(const ClusterState& cluster);

}  // namespace barevip::node
