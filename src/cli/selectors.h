// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "barevip/model/meta.h"

#include "cli/migration.h"

namespace barevip::cli {

/// One selector that matches exactly what at least one of them matches, where such a one can be
/// written: they are equal, one of them matches everything, or all ask for values of one key.
[[nodiscard]] std::optional<model::LabelSelector> unionOf(
    const std::vector<model::LabelSelector>& selectors);

/// The same for a field of the input; without selectors there is none. What cannot be joined is
/// noted, and the first one taken: rather too few are matched than too many.
[[nodiscard]] std::optional<model::LabelSelector> joined(
    const std::vector<model::LabelSelector>& selectors, const Origin& origin,
    const std::string& field, Report& report);

}  // namespace barevip::cli
