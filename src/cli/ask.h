// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/terminal.h"
#include "view/cluster.h"

namespace barevip::cli {

/// Fetches what the views show. Slow steps, notes and the error go to the terminal's messages.
[[nodiscard]] Result<view::Cluster> ask(kube::Api& api, const Clock& clock,
                                        const Terminal& terminal, const std::stop_token& stop);

}  // namespace barevip::cli
