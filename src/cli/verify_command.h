// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "cli/options.h"
#include "cli/terminal.h"

namespace barevip::cli {

/// Saves the addresses of before a migration, or compares the cluster with them. Reads only.
/// Returns an exit status of exit_status.h.
[[nodiscard]] int runVerify(const VerifyOptions& options, kube::Api& api, const Clock& clock,
                            const Terminal& terminal, const std::stop_token& stop);

}  // namespace barevip::cli
