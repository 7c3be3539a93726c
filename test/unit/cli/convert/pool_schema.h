// SPDX-License-Identifier: Apache-2.0
// crds/pool.yaml, as an API server reads it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::cli::test {

/// The openAPIV3Schema of Pools.
[[nodiscard]] const nlohmann::json& poolSchema();

/// Where the object breaks the schema, a sentence each; fields that it does not know count, too
/// (`kubectl apply --validate=strict`). Its rules in CEL are not evaluated.
[[nodiscard]] std::vector<std::string> schemaFaults(const nlohmann::json& object);

}  // namespace barevip::cli::test
