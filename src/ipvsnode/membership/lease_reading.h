// SPDX-License-Identifier: Apache-2.0
// What a node's Lease says, beside when it was renewed. Pure.
#pragma once

#include "barevip/model/node.h"

#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

[[nodiscard]] LiveNode liveNodeOf(const model::Lease& lease);

/// The node asks others to take over its VIPs now.
[[nodiscard]] bool isLeaving(const model::Lease& lease);

}  // namespace barevip::node
