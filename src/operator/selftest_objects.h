// SPDX-License-Identifier: Apache-2.0
// The objects that a selftest makes and looks at. One request to the API server each.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/service.h"

#include "operator/selftest.h"

namespace barevip::controlplane {

/// Label of the Services that selftests make, with the value "true".
inline constexpr const char* kSelftestLabel = "barevip.dev/selftest";
inline constexpr const char* kSelftestService = "barevip-selftest";
inline constexpr std::uint16_t kSelftestPort = 80;

[[nodiscard]] Result<model::Service> createSelftestService(kube::Api& api,
                                                           const SelftestOptions& options,
                                                           const std::stop_token& stop);
[[nodiscard]] Result<model::Service> getService(kube::Api& api, const kube::ObjectKey& key,
                                                const std::stop_token& stop);
/// IP objects of one namespace; one that cannot be decoded is left out.
[[nodiscard]] Result<std::vector<model::IpObject>> listIpObjectsIn(kube::Api& api,
                                                                   const std::string& ns,
                                                                   const std::stop_token& stop);

}  // namespace barevip::controlplane
