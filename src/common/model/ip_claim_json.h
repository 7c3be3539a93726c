// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/model/ip_claim.h"

namespace barevip::model {

/// kInvalid only without name or namespace.
[[nodiscard]] Result<IpClaim> decodeIpClaim(const nlohmann::json& object);

/// The body of a create: metadata and spec.
[[nodiscard]] nlohmann::json encodeIpClaim(const IpClaim& claim);

/// A merge patch of spec.shareKey, conditional on the resourceVersion.
[[nodiscard]] nlohmann::json shareKeyPatch(const std::string& shareKey,
                                           const std::string& resourceVersion);

/// A merge patch of the status subresource, conditional on the resourceVersion. Without `node`: the
/// node daemons write that.
[[nodiscard]] nlohmann::json ipClaimStatusPatch(const IpClaim::Status& status,
                                                const std::string& resourceVersion, WallTime now);

}  // namespace barevip::model
