// SPDX-License-Identifier: Apache-2.0
// The calls to the API server that the Service reconciler makes.
#pragma once

#include <stop_token>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

/// kUnsupported: the API server has no IP objects, or not that namespace.
[[nodiscard]] Result<model::IpClaim> createClaim(kube::Api& api, const model::IpClaim& claim,
                                                 const std::stop_token& stop);
[[nodiscard]] Result<model::IpClaim> readClaim(kube::Api& api, const kube::ObjectKey& key,
                                               const std::stop_token& stop);

/// On condition that the claim is still the one that was seen.
[[nodiscard]] Result<void> patchShareKey(kube::Api& api, const model::IpClaim& seen,
                                         const std::string& shareKey, const std::stop_token& stop);

/// kNotFound is success: it is gone.
[[nodiscard]] Result<void> removeClaim(kube::Api& api, const kube::ObjectKey& key,
                                       const std::string& uid, const std::stop_token& stop);

/// Sets status.loadBalancer.ingress and status.conditions, on condition that the Service is still
/// the one that was seen.
[[nodiscard]] Result<void> patchServiceStatus(
    kube::Api& api, const model::Service& seen,
    const std::vector<model::LoadBalancerIngress>& ingress, const model::Conditions& conditions,
    WallTime now, const std::stop_token& stop);

}  // namespace barevip::assigner
