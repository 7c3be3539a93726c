// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::history {

/// What stands in the API, of the namespaces of histories.
struct Cluster {
  std::vector<model::Pool> pools;
  std::vector<model::Service> services;
  std::vector<model::IpClaim> ips;
  std::vector<model::Namespace> namespaces;
};

[[nodiscard]] Result<Cluster> readCluster(kube::Api& api);

}  // namespace barevip::history
