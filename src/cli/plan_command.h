// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "cli/options.h"
#include "cli/terminal.h"

namespace barevip::cli {

/// in: what "-" reads. Returns an exit status of exit_status.h.
[[nodiscard]] int runPlan(const PlanOptions& options, std::istream& in, kube::Api& api,
                          const Clock& clock, const Terminal& terminal,
                          const std::stop_token& stop);

}  // namespace barevip::cli
