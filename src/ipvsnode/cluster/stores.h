// SPDX-License-Identifier: Apache-2.0
// The node daemon's copies of what it watches.
#pragma once

#include "barevip/kube/store.h"
#include "barevip/model/endpoint_slice.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "ipvsnode/cluster/cluster_state.h"

namespace barevip::node {

/// Thread-safe. Leases are not among them: Liveness follows those one by one.
struct Stores {
  kube::Store<model::Service> services;
  kube::Store<model::EndpointSlice> slices;
  kube::Store<model::Node> nodes;
  kube::Store<model::IpObject> ipObjects;
  kube::Store<model::Pool> pools;

  /// Every list came in once. Before that nothing may be taken for gone.
  [[nodiscard]] bool synced() const {
    return services.synced() && slices.synced() && nodes.synced() && ipObjects.synced() &&
           pools.synced();
  }

  [[nodiscard]] ClusterState snapshot() const {
    return {services.all(), slices.all(), nodes.all(), ipObjects.all(), pools.all()};
  }
};

}  // namespace barevip::node
