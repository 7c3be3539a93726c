// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/model/ip_object.h"

namespace barevip::model {

/// kInvalid only without name or namespace.
[[nodiscard]] Result<IpObject> decodeIpObject(const nlohmann::json& object);

/// The body of a create: metadata and spec.
[[nodiscard]] nlohmann::json encodeIpObject(const IpObject& ipObject);

/// A merge patch of what may change of an IP object that a Service owns, its share key and its
/// class, conditional on the resourceVersion.
[[nodiscard]] nlohmann::json recordPatch(const IpObject& wanted,
                                         const std::string& resourceVersion);

/// A merge patch of the status subresource, conditional on the resourceVersion. Without `node`: the
/// node daemons write that. With what is derived: `service`, which the release before reads, and
/// the condition Ready, which is True since Bound is, and for the same reason.
[[nodiscard]] nlohmann::json ipObjectStatusPatch(const IpObject::Status& status,
                                                 const std::string& resourceVersion, WallTime now);

}  // namespace barevip::model
