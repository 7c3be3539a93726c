// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"

namespace barevip::controlplane {

/// The DaemonSet of the node daemons, changed so that its pods remove what barevip made on their
/// nodes: the init container that ran `init` runs `cleanup`, with the privilege, mounts and flags
/// that it has; the container "node" runs `stay` without any privilege or probe; all nodes change
/// at once, and no new pod starts beside an old one. A DaemonSet that is in this mode comes back
/// unchanged, so that a second run changes nothing. Everything else stays as it is. kInvalid if no
/// init container runs `init`.
[[nodiscard]] Result<nlohmann::json> inCleanupMode(nlohmann::json daemonSet);

}  // namespace barevip::controlplane
