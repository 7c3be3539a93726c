// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "barevip/model/pool.h"

namespace barevip::cli {

/// One document for each Pool, for kubectl apply. Fields that have their default are left out; the
/// order of fields is that of the reference.
[[nodiscard]] std::string toYaml(const std::vector<model::Pool>& pools);

}  // namespace barevip::cli
