// SPDX-License-Identifier: Apache-2.0
// Patches of IP objects.
#pragma once

#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/ip_object.h"

namespace barevip::controlplane {

/// On condition that the object is still the one that was seen.
[[nodiscard]] Result<void> patchIpObjectStatus(kube::Api& api, const model::IpObject& seen,
                                               const model::IpObject::Status& status, WallTime now,
                                               const std::stop_token& stop);

/// Equal for what would be written alike, whenever the conditions became so.
[[nodiscard]] std::string fingerprintOf(const model::IpObject& seen,
                                        model::IpObject::Status status);

}  // namespace barevip::controlplane
