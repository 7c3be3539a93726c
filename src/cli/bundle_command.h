// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "cli/options.h"
#include "cli/terminal.h"
#include "common/kube/texts.h"

namespace barevip::cli {

/// Writes a support bundle. Returns an exit status of exit_status.h.
[[nodiscard]] int runBundle(const BundleOptions& options, kube::Api& api, kube::Texts& texts,
                            const Clock& clock, const Terminal& terminal,
                            const std::stop_token& stop);

}  // namespace barevip::cli
