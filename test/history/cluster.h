// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::history {

/// What tools read of the status of an IP object, as it stands in the API.
struct IpTexts {
  kube::ObjectKey key;
  std::string phase;
  std::string service;
  std::vector<std::string> services;
  std::int64_t generation = 0;
  std::int64_t observedGeneration = 0;
  bool deleting = false;
  model::Conditions conditions;
};

/// What stands in the API, of the namespaces of histories.
struct Cluster {
  std::vector<model::Pool> pools;
  std::vector<model::Service> services;
  std::vector<model::IpObject> ips;
  std::vector<IpTexts> ipTexts;
  std::vector<model::Namespace> namespaces;
};

[[nodiscard]] Result<Cluster> readCluster(kube::Api& api);

}  // namespace barevip::history
