// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <utility>

#include "assigner/allocator.h"

namespace barevip::assigner {

/// The allocator that all reconcilers of one term of leadership share. Its lock is held for pure
/// decisions only, never while something is written.
class Ledger {
 public:
  /// Calls f(Allocator&) with the lock held.
  template <class F>
  auto with(F&& f) {
    const std::lock_guard lock(mutex_);
    return std::forward<F>(f)(allocator_);
  }

 private:
  std::mutex mutex_;
  Allocator allocator_;
};

}  // namespace barevip::assigner
