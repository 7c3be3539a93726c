// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::kube {

/// The wanted members of `status` (a merge patch of it), computed from the object as it is now;
/// nullopt: leave it.
using StatusFor = std::function<Result<std::optional<nlohmann::json>>(const nlohmann::json& live)>;

/// Reads the object, asks for the status and patches it on condition that nobody changed the object
/// in between; starts over on a conflict, at most four times. kNotFound if the object is gone.
Result<void> patchStatus(Api& api, const Resource& resource, const ObjectKey& key,
                         const StatusFor& statusFor, const std::stop_token& stop);

}  // namespace barevip::kube
