// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

namespace barevip::cli::test {

/// As kubectl reads YAML (1.1): without quotes some texts are truth values or numbers, and << takes
/// over the fields of another map.
[[nodiscard]] nlohmann::json toJson(const YAML::Node& node);

}  // namespace barevip::cli::test
