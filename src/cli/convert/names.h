// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace barevip::cli {

/// Each name once, in the order of first mention: the CRD refuses repeats.
[[nodiscard]] std::vector<std::string> withoutRepeats(const std::vector<std::string>& names);

}  // namespace barevip::cli
