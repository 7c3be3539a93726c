// SPDX-License-Identifier: Apache-2.0
// Patches of Pools and IP objects, and the lists that a term of leadership begins with.
#pragma once

#include <stop_token>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "operator/service_decoder.h"

namespace barevip::controlplane {

/// On condition that the object is still the one that was seen.
[[nodiscard]] Result<void> patchPoolStatus(kube::Api& api, const model::Pool& seen,
                                           const model::Pool::Status& status, WallTime now,
                                           const std::stop_token& stop);
/// Sets metadata.finalizers as a whole. Returns the Pool as it is then.
[[nodiscard]] Result<model::Pool> patchPoolFinalizers(kube::Api& api, const model::Pool& seen,
                                                      const std::vector<std::string>& finalizers,
                                                      const std::stop_token& stop);
[[nodiscard]] Result<void> patchClaimStatus(kube::Api& api, const model::IpClaim& seen,
                                            const model::IpClaim::Status& status, WallTime now,
                                            const std::stop_token& stop);

/// What the API server holds now. An object that cannot be decoded is left out. kExpired: the list
/// grew too old between its pages; begin again after a pause.
[[nodiscard]] Result<std::vector<model::Pool>> listPools(kube::Api& api,
                                                         const std::stop_token& stop);
[[nodiscard]] Result<std::vector<model::IpClaim>> listClaims(kube::Api& api,
                                                             const std::stop_token& stop);
[[nodiscard]] Result<std::vector<model::Service>> listServices(kube::Api& api,
                                                               const ServiceDecoder& decode,
                                                               const std::stop_token& stop);

}  // namespace barevip::controlplane
