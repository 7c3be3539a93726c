// SPDX-License-Identifier: Apache-2.0
// The calls to the API server that the Service reconciler makes.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

/// kUnsupported: the API server has no IP objects; kNotFound: not that namespace.
[[nodiscard]] Result<model::IpObject> createIpObject(kube::Api& api,
                                                     const model::IpObject& ipObject,
                                                     const std::stop_token& stop);
[[nodiscard]] Result<model::IpObject> readIpObject(kube::Api& api, const kube::ObjectKey& key,
                                                   const std::stop_token& stop);

[[nodiscard]] Result<model::Namespace> readNamespace(kube::Api& api, const std::string& name,
                                                     const std::stop_token& stop);

/// On condition that the IP object is still the one that was seen.
[[nodiscard]] Result<void> patchRecord(kube::Api& api, const model::IpObject& seen,
                                       const model::IpObject& wanted, const std::stop_token& stop);

/// kNotFound is success: it is gone.
[[nodiscard]] Result<void> removeIpObject(kube::Api& api, const kube::ObjectKey& key,
                                          const std::string& uid, const std::stop_token& stop);

/// Sets status.loadBalancer.ingress and status.conditions, on condition that the Service is still
/// the one that was seen.
[[nodiscard]] Result<void> patchServiceStatus(
    kube::Api& api, const model::Service& seen,
    const std::vector<model::LoadBalancerIngress>& ingress, const model::Conditions& conditions,
    WallTime now, const std::stop_token& stop);

/// Takes these addresses out of status.loadBalancer.ingress and sets status.conditions, on the same
/// condition. Entries of others stay as they are, whatever stands in them.
[[nodiscard]] Result<void> withdrawFromServiceStatus(kube::Api& api, const model::Service& seen,
                                                     const std::vector<IpAddress>& addresses,
                                                     const model::Conditions& conditions,
                                                     WallTime now, const std::stop_token& stop);

}  // namespace barevip::assigner
