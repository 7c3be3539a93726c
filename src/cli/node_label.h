// SPDX-License-Identifier: Apache-2.0
// The label of a Node by which it announces nothing, written.
#pragma once

#include <stop_token>
#include <string>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/view/handover.h"

namespace barevip::cli {

// Both return what there was before, and write only if the Node has not changed since then.
// kNotFound: there is no such Node.

/// Sets the label with kDrainValue, unless the Node has it.
[[nodiscard]] Result<Exclusion> exclude(kube::Api& api, const std::string& node,
                                        const std::stop_token& stop);

/// Removes the label if `exclude` set it.
[[nodiscard]] Result<Exclusion> include(kube::Api& api, const std::string& node,
                                        const std::stop_token& stop);

}  // namespace barevip::cli
