// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

namespace barevip::cli {

/// The documents of a text. Throws YAML::Exception.
[[nodiscard]] std::vector<YAML::Node> documentsIn(const std::string& text);

/// For people: where in the text, and what is wrong there.
[[nodiscard]] std::string describe(const YAML::Exception& problem);

}  // namespace barevip::cli
