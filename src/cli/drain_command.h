// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "cli/options.h"
#include "cli/terminal.h"

namespace barevip::cli {

// Both return an exit status of exit_status.h.

/// Excludes a node from announcing, and waits until others announce its VIPs.
[[nodiscard]] int runDrain(const DrainOptions& options, kube::Api& api, const Clock& clock,
                           const Terminal& terminal, const std::stop_token& stop);

/// Takes back what `drain` did; VIPs stay where they are.
[[nodiscard]] int runUndrain(const UndrainOptions& options, kube::Api& api,
                             const Terminal& terminal, const std::stop_token& stop);

}  // namespace barevip::cli
