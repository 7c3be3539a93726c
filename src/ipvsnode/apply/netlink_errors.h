// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/obs/metrics.h"

namespace barevip::node {

/// Counts one error of netlink in barevip_node_netlink_errors_total by its errno: an answer to a
/// change, or that of a socket. 0: an error without one. Thread-safe.
void countNetlinkError(obs::Registry& metrics, int error);

/// Begins the series of the errors that netlink usually has at 0.
void beginNetlinkErrors(obs::Registry& metrics);

}  // namespace barevip::node
