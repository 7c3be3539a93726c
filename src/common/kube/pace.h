// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>

#include "barevip/base/clock.h"

namespace barevip::kube {

/// Says yes once in each interval. Thread-safe.
class Pace {
 public:
  Pace(const Clock& clock, std::chrono::milliseconds interval)
      : clock_(clock), interval_(interval) {}

  [[nodiscard]] bool take() {
    const std::lock_guard lock(mutex_);
    const MonotonicTime now = clock_.now();
    if (now < next_) return false;
    next_ = now + interval_;
    return true;
  }

 private:
  const Clock& clock_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  MonotonicTime next_{};
};

}  // namespace barevip::kube
