// SPDX-License-Identifier: Apache-2.0
// What Services of type LoadBalancer had before a migration.
#pragma once

#include <string>
#include <vector>

#include "barevip/kube/object_key.h"
#include "barevip/model/meta.h"
#include "barevip/model/service.h"

namespace barevip::cli {

/// What of a Service decides about its addresses, and the addresses.
struct SavedService {
  kube::ObjectKey key;
  std::string loadBalancerClass;
  std::string loadBalancerIp;  ///< spec.loadBalancerIP
  model::StringMap requests;   ///< annotations that ask another load balancer for addresses
  std::vector<model::LoadBalancerIngress> ingress;

  friend bool operator==(const SavedService&, const SavedService&) = default;
};

struct SavedServices {
  std::string time;  ///< RFC 3339
  std::vector<SavedService> services;

  friend bool operator==(const SavedServices&, const SavedServices&) = default;
};

/// Ascending, each address in its canonical text; host names as they are.
[[nodiscard]] std::vector<std::string> addressesOf(
    const std::vector<model::LoadBalancerIngress>& ingress);

}  // namespace barevip::cli
