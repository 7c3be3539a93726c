// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/model/endpoint_slice.h"

namespace barevip::model {

/// discovery.k8s.io/v1 EndpointSlice. A slice of host names (FQDN) has no endpoints here; a port
/// without a number and an address of another family than the slice's are left out.
[[nodiscard]] Result<EndpointSlice> decodeEndpointSlice(const nlohmann::json& object);

}  // namespace barevip::model
