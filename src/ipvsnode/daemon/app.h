// SPDX-License-Identifier: Apache-2.0
// The program barevip-node.
#pragma once

#include "ipvsnode/daemon/options.h"

namespace barevip::node {

/// Runs the command to its end, in the main thread, before any other thread was started. SIGTERM
/// and SIGINT end the daemon within a second: by default everything stays in the kernel, which
/// keeps forwarding, and the Lease asks the others for patience, so that the next process adopts
/// all of it. With --handover-on-stop, and on a node that is cordoned or not ready (it is about to
/// go), other nodes take the VIPs over first, for which it waits up to three seconds.
///
/// Returns the exit status; what went wrong was said on stderr.
[[nodiscard]] int runCommand(const Options& options);

}  // namespace barevip::node
