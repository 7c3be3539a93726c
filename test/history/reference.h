// SPDX-License-Identifier: Apache-2.0
// What barevip promises, written a second time as loops over a handful of objects. It shares no
// code with the allocator.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "barevip/kube/object_key.h"

#include "history/cluster.h"

namespace barevip::history {

// Broken promises, as sentences; empty: all are kept. The cluster is settled: the operator has
// nothing left to do.

/// An address has one holder, what Services show is recorded, nobody waits while the rules would
/// give, who waits says why, the counts of Pools and the status of IP objects are the truth.
[[nodiscard]] std::vector<std::string> brokenNow(const Cluster& now);

/// Who has an address keeps it, unless the Service is among those that ask for something else.
[[nodiscard]] std::vector<std::string> brokenSince(const Cluster& before, const Cluster& now,
                                                   const std::set<kube::ObjectKey>& asking);

/// Not more than one thing happened in between. If by it one Service was given an address and
/// nothing else changed hands, it is the one that the order of the Pools prescribes.
[[nodiscard]] std::vector<std::string> brokenChoice(const Cluster& before, const Cluster& now);

/// Nobody did anything but that another process leads: whatever people and nodes see is as it was.
/// Only why somebody waits may be said in other words: often there are several reasons.
[[nodiscard]] std::vector<std::string> brokenByNewLeader(const Cluster& before, const Cluster& now);

}  // namespace barevip::history
