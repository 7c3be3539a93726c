// SPDX-License-Identifier: Apache-2.0
// Which waiting consumers look again when an address becomes free.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/object_key.h"

#include "assigner/allocation/shared_allocator.h"
#include "assigner/allocation/waiting_list.h"

namespace barevip::controlplane {

/// First come, first served, see WaitingList. Thread-safe. References must outlive this.
class WakeUps {
 public:
  struct Next {
    std::vector<assigner::Consumer> consumers;  ///< that look again now
    /// Until the next reuseDelay is over; nullopt: no address rests.
    std::optional<std::chrono::milliseconds> untilRested;
    bool available = false;  ///< more addresses can be allocated: counts of Pools differ
  };

  WakeUps(const Clock& clock, assigner::SharedAllocator& shared, assigner::WaitingList& waiting)
      : clock_(clock), allocator_(shared), waiting_(waiting) {}

  /// A consumer of that namespace released an address.
  Next released(const std::string& ns);
  /// A reuseDelay may be over, or the Pools are others.
  Next rested();
  /// The consumer is about to be reconciled. What it is woken for from now on is for its next look.
  void looks(const assigner::Consumer& who);
  /// The consumer has decided, or will not at this look: the addresses that it was woken for and
  /// did not take are promised to the next one each, and what room it left under a limit is for the
  /// next one. After the last one those look again who may have looked while it was promised to
  /// others. Once for each look, whatever is called afterwards.
  Next looked(const assigner::Consumer& who);

 private:
  using Key = std::pair<assigner::Consumer::Kind, kube::ObjectKey>;

  /// missed: who looks again because it may have looked while an address was promised to others.
  void passOn(assigner::Allocator& allocator, const assigner::Consumer& who,
              const assigner::Freed& freed, const assigner::WaitingList::Woken& woken, Next& next,
              std::set<Key>& missed);
  [[nodiscard]] std::optional<std::chrono::milliseconds> until(
      const std::optional<MonotonicTime>& time) const;

  const Clock& clock_;
  assigner::SharedAllocator& allocator_;
  assigner::WaitingList& waiting_;
  std::mutex mutex_;
  std::map<Key, assigner::WaitingList::Woken> looking_;  ///< who was woken and has not decided yet
};

}  // namespace barevip::controlplane
