// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/meta.h"

#include "cli/convert/report.h"

namespace barevip::cli {

/// One selector that matches exactly what at least one of them matches, where such a one can be
/// written: one of them matches all that the others match, or they differ in the values of one key.
[[nodiscard]] std::optional<model::LabelSelector> unionOf(
    const std::vector<model::LabelSelector>& selectors);

/// The same for a field of the input; without selectors there is none. What cannot be joined is a
/// loss, and the first one is taken: rather too few are matched than too many.
[[nodiscard]] std::optional<model::LabelSelector> joined(
    const std::vector<model::LabelSelector>& selectors, const Origin& origin,
    const std::string& field, Report& report);

/// How much of what one list of selectors matches another one matches, too.
enum class Coverage : std::uint8_t {
  kNone,  ///< certainly nothing
  kPart,  ///< more or less
  kAll    ///< certainly everything
};

/// Of both lists one selector must match; an empty list matches everything.
[[nodiscard]] Coverage coverage(const std::vector<model::LabelSelector>& of,
                                const std::vector<model::LabelSelector>& by);

/// Takes selectors of nothing but names of namespaces out of `selectors`; returns the names.
/// Kubernetes sets the label kubernetes.io/metadata.name of each namespace, so that a list of
/// names means the same.
[[nodiscard]] std::vector<std::string> takeNamespaceNames(
    std::vector<model::LabelSelector>& selectors);

}  // namespace barevip::cli
