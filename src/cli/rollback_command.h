// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/kube/api.h"

#include "cli/options.h"
#include "cli/terminal.h"

namespace barevip::cli {

/// Shows how Services come back to what they were before a migration, and with --yes does it.
/// Returns an exit status of exit_status.h.
[[nodiscard]] int runRollback(const RollbackOptions& options, kube::Api& api,
                              const Terminal& terminal, const std::stop_token& stop);

}  // namespace barevip::cli
