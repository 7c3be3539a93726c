// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/model/service_cidr.h"

namespace barevip::model {

/// networking.k8s.io/v1 ServiceCIDR. Host bits of an entry are dropped, as its range is the same.
[[nodiscard]] Result<ServiceCidr> decodeServiceCidr(const nlohmann::json& object);

}  // namespace barevip::model
