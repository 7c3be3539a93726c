// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/model/pool.h"

namespace barevip::model {

/// kInvalid only without a name. Defaults of the schema are filled in.
[[nodiscard]] Result<Pool> decodePool(const nlohmann::json& object);

/// A merge patch of the status subresource, conditional on the resourceVersion.
[[nodiscard]] nlohmann::json poolStatusPatch(const Pool::Status& status,
                                             const std::string& resourceVersion, WallTime now);

}  // namespace barevip::model
