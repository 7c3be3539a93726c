// SPDX-License-Identifier: Apache-2.0
// What barevip promises, written a second time as loops over a handful of objects. It shares no
// code with the allocator.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "history/cluster.h"

namespace barevip::history {

// Broken promises, as sentences; empty: all are kept. The cluster is settled: the operator has
// nothing left to do.

/// Namespaces in which the API server refuses what the operator writes.
struct Refusals {
  std::set<std::string> ips;       ///< new IP objects
  std::set<std::string> statuses;  ///< of Services

  [[nodiscard]] bool empty() const { return ips.empty() && statuses.empty(); }
};

/// An address has one holder, what Services show is recorded, nobody waits while the rules would
/// give, who waits says why, the counts of Pools and the status of IP objects are the truth.
/// While anything is refused: an address has one holder, no Service is Assigned what is not
/// recorded, and those say so that the refusal concerns.
[[nodiscard]] std::vector<std::string> brokenNow(const Cluster& now, const Refusals& refusals = {});

/// Who has an address keeps it, unless the Service or IP object is among those that ask for
/// something else.
[[nodiscard]] std::vector<std::string> brokenSince(const Cluster& before, const Cluster& now,
                                                   const std::set<kube::ObjectKey>& asking,
                                                   const Refusals& refusals = {});

/// Those of them that wait, or whose status nobody could write: what they asked for they may still
/// be given later.
[[nodiscard]] std::set<kube::ObjectKey> stillAsking(std::set<kube::ObjectKey> asking,
                                                    const Cluster& settled,
                                                    const Refusals& refusals = {});

/// Not more than one thing happened in between. If by it one Service was given an address and
/// nothing else changed hands, it is the one that the order of the Pools prescribes.
[[nodiscard]] std::vector<std::string> brokenChoice(const Cluster& before, const Cluster& now);

/// Nothing else happened in between than that the Service was restored and showed the address.
[[nodiscard]] std::vector<std::string> brokenRestored(const Cluster& before, const Cluster& now,
                                                      const kube::ObjectKey& service,
                                                      const IpAddress& address);

/// Nobody did anything but that another process leads: whatever people and nodes see is as it was.
/// Only why somebody waits may be said in other words: often there are several reasons.
[[nodiscard]] std::vector<std::string> brokenByNewLeader(const Cluster& before, const Cluster& now);

}  // namespace barevip::history
