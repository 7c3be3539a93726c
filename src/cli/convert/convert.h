// SPDX-License-Identifier: Apache-2.0
// From other load balancers' objects to Pools.
#pragma once

#include <vector>

#include "barevip/model/pool.h"

#include "cli/convert/sources.h"

namespace barevip::cli {

/// Pure. The Pools in the order of the sources; only what a manifest has is set. They are whole
/// only if no fault was reported.
[[nodiscard]] std::vector<model::Pool> convert(const Sources& sources, Report& report);

}  // namespace barevip::cli
