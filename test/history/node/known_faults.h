// SPDX-License-Identifier: Apache-2.0
// Faults that these histories found and that are not mended yet: while a switch is true, rules look
// away from it.
#pragma once

namespace barevip::node::history {

/// A daemon whose first look at the packet filter is refused takes it for empty, and adds real
/// servers on other nodes to what keeps clients' addresses.
inline constexpr bool kTakesUnknownFilterForEmpty = true;

/// Daemons that all restart count a dead node by the Lease that it left, and move VIPs by its
/// share. Then they may move.
inline constexpr bool kMovesByDeadLeases = true;

}  // namespace barevip::node::history
