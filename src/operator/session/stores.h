// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"
#include "barevip/model/service_cidr.h"

#include "assigner/allocation/cluster_use.h"
#include "assigner/service/ip_object_index.h"
#include "common/model/text_budget.h"

namespace barevip::controlplane {

/// What the reflectors keep; it lives as long as the process.
struct Stores {
  Stores();

  kube::Store<model::Service> services;
  kube::Store<model::Pool> pools;
  kube::Store<model::IpObject> ipObjects;
  kube::Store<model::Namespace> namespaces;
  kube::Store<model::Node> nodes;
  kube::Store<model::ServiceCidr> serviceCidrs;
  assigner::ClusterUse clusterUse;
  assigner::IpObjectIndex ipObjectIndex;
  std::shared_ptr<model::TextBudget> serviceTexts = std::make_shared<model::TextBudget>();

  [[nodiscard]] bool synced() const;
};

}  // namespace barevip::controlplane
