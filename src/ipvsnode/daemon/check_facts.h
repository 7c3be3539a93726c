// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "barevip/base/result.h"

#include "ipvsnode/daemon/options.h"
#include "ipvsnode/inspect/check.h"

namespace barevip::node {

/// Looks at this node and changes nothing. What takes privilege that the process does not have is
/// an error in its place. Asks the API server unless `askApi` is false; takes seconds at most.
[[nodiscard]] CheckFacts gatherFacts(const Options& options, bool askApi);

}  // namespace barevip::node
