// SPDX-License-Identifier: Apache-2.0
// Which waiting consumers look again when an address becomes free.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

#include "assigner/allocation/ledger.h"
#include "assigner/allocation/waiting_list.h"

namespace barevip::controlplane {

/// First come, first served, see WaitingList. Thread-safe. References must outlive this.
class WakeUps {
 public:
  struct Next {
    std::vector<assigner::Holder> consumers;  ///< that look again now
    /// Until the next reuseDelay is over; nullopt: no address rests.
    std::optional<std::chrono::milliseconds> untilRested;
    bool available = false;  ///< more addresses can be allocated: counts of Pools differ
  };

  WakeUps(const Clock& clock, assigner::Ledger& ledger, assigner::WaitingList& waiting)
      : clock_(clock), ledger_(ledger), waiting_(waiting) {}

  /// A consumer of that namespace released an address.
  Next released(const std::string& ns);
  /// A reuseDelay may be over, or the Pools are others.
  Next rested();
  /// The consumer is about to be reconciled. Returns what it was woken for, for looked().
  assigner::WaitingList::Woken looks(const assigner::Holder& who);
  /// The consumer was reconciled: the addresses that it was woken for and did not take are promised
  /// to the next one each, and what room it left under a limit is for the next one. After the last
  /// one those look again who may have looked while it was promised to others.
  Next looked(const assigner::Holder& who, const assigner::WaitingList::Woken& woken);

 private:
  [[nodiscard]] std::optional<std::chrono::milliseconds> until(
      const std::optional<MonotonicTime>& time) const;

  const Clock& clock_;
  assigner::Ledger& ledger_;
  assigner::WaitingList& waiting_;
};

}  // namespace barevip::controlplane
