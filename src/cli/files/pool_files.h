// SPDX-License-Identifier: Apache-2.0
// Pools as a person would apply them.
#pragma once

#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/model/pool.h"

namespace barevip::cli {

/// The documents of a YAML or JSON text as JSON, those that are empty left out. kInvalid, naming
/// the source, if it is neither.
[[nodiscard]] Result<std::vector<std::string>> jsonDocuments(const std::string& text,
                                                             const std::string& source);

/// All must be Pools. Fields are not validated: the API server does that when they are applied.
[[nodiscard]] Result<std::vector<model::Pool>> readPools(const std::string& text,
                                                         const std::string& source);

}  // namespace barevip::cli
