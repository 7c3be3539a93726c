// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "view/status.h"

namespace barevip::view {

/// problems[] {level (problem, warning), kind, object, reason, message};
/// pools[] {name, ready, capacity, allocated, available (each {ipv4, ipv6}, decimal texts)};
/// vips[] {namespace, services[], address, pool, node, ipObject, since}; nodes[] {name, ready,
/// eligible, daemon, vips}. Members may be added, these stay.
[[nodiscard]] nlohmann::json documentOf(const Status& status);

}  // namespace barevip::view
