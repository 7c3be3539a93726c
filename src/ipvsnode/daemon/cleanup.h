// SPDX-License-Identifier: Apache-2.0
// `barevip-node cleanup`.
#pragma once

#include <string>
#include <vector>

#include "barevip/base/result.h"

#include "ipvsnode/daemon/options.h"

namespace barevip::node {

/// Removes what either placement ever made on this node, and nothing else: announcements first,
/// then virtual servers, routes, rules and addresses, packet filter rules, devices and the balancer
/// namespace. Idempotent. Returns what was done, a line each. The daemon must not run.
[[nodiscard]] Result<std::vector<std::string>> cleanUp(const Options& options);

}  // namespace barevip::node
