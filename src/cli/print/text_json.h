// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace barevip::cli {

/// Indented, with a line break at the end.
[[nodiscard]] std::string jsonText(const nlohmann::json& value);

/// Block style; texts are in quotation marks, as in JSON, so that no word is taken for a number.
[[nodiscard]] std::string yamlText(const nlohmann::json& value);

}  // namespace barevip::cli
