// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"

#include "assigner/allocation/allocator.h"
#include "assigner/allocation/namespace_use.h"
#include "assigner/allocation/waiting_list.h"

namespace barevip::assigner {

/// The allocator that all reconcilers of one term of leadership share. Its lock is held for pure
/// decisions only, never while something is written.
///
/// What becomes free is promised to one who waits for it before the lock is let go, see
/// WaitingList: nobody overtakes him, whoever looks first.
class SharedAllocator {
 public:
  /// Null: nothing is promised to anybody.
  explicit SharedAllocator(const Clock& clock, WaitingList* waiting = nullptr)
      : clock_(clock), waiting_(waiting) {}

  /// Calls f(Allocator&) with the lock held.
  template <class F>
  auto with(F&& f) {
    const std::lock_guard lock(mutex_);
    allocator_.tick(clock_.now());
    promiseFreed();
    if constexpr (std::is_void_v<std::invoke_result_t<F, Allocator&>>) {
      std::forward<F>(f)(allocator_);
      promiseFreed();
    } else {
      auto result = std::forward<F>(f)(allocator_);
      promiseFreed();
      return result;
    }
  }

  struct Woken {
    std::vector<Consumer> consumers;  ///< to whom addresses were promised, the first one first
    bool available = false;           ///< there are addresses that more consumers may have
  };
  /// Since the last call.
  [[nodiscard]] Woken takeWoken() {
    const std::lock_guard lock(mutex_);
    return std::exchange(woken_, {});
  }

 private:
  void promiseFreed() {
    for (const Freed& each : allocator_.takeFreed()) {
      woken_.available = true;
      if (waiting_ == nullptr) continue;
      const auto first =
          waiting_->wake(each, RoomUnderLimits(allocator_.pools(), allocator_.allocations()));
      if (!first) continue;
      allocator_.promise(each.address, *first);
      woken_.consumers.push_back(*first);
    }
  }

  const Clock& clock_;
  WaitingList* const waiting_;
  std::mutex mutex_;
  Allocator allocator_;
  Woken woken_;
};

}  // namespace barevip::assigner
