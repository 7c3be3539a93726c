// SPDX-License-Identifier: Apache-2.0
// Patches of Pools.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/pool.h"

namespace barevip::controlplane {

/// On condition that the object is still the one that was seen.
[[nodiscard]] Result<void> patchPoolStatus(kube::Api& api, const model::Pool& seen,
                                           const model::Pool::Status& status, WallTime now,
                                           const std::stop_token& stop);
/// Equal for what would be written alike, whenever the conditions became so.
[[nodiscard]] std::string fingerprintOf(const model::Pool& seen, model::Pool::Status status);
/// Sets metadata.finalizers as a whole. Returns the Pool as it is then.
[[nodiscard]] Result<model::Pool> patchPoolFinalizers(kube::Api& api, const model::Pool& seen,
                                                      const std::vector<std::string>& finalizers,
                                                      const std::stop_token& stop);

}  // namespace barevip::controlplane
