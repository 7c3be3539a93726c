// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "cli/options.h"
#include "cli/terminal.h"
#include "common/base/command.h"

namespace barevip::cli {

/// How programs are run in pods.
struct Kubectl {
  CommandRunner& runner;
  Command command;  ///< see readKernel
};

/// The namespace must be set. Returns an exit status of exit_status.h.
[[nodiscard]] int runExplain(const ExplainOptions& options, kube::Api& api, const Kubectl& kubectl,
                             const Clock& clock, const Terminal& terminal,
                             const std::stop_token& stop);

}  // namespace barevip::cli
