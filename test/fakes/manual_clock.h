// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <utility>

#include "barevip/base/clock.h"

namespace barevip {

/// A clock that moves only when the test says so. Thread-safe. Starts well after the epoch of both
/// clocks, so that tests may look back.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override {
    return MonotonicTime(std::chrono::hours(1)) + elapsed();
  }
  /// 2030-01-01T00:00:00Z plus what was advanced.
  [[nodiscard]] WallTime wallNow() const override {
    return WallTime(std::chrono::seconds(1'893'456'000)) + elapsed();
  }

  void advance(std::chrono::nanoseconds by) { elapsed_ += by.count(); }

  /// Looks at the manual time every millisecond of real time.
  bool waitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& wake,
                 std::stop_token stop, MonotonicTime deadline,
                 const std::function<bool()>& ready) const override {
    while (!ready() && !stop.stop_requested() && now() < deadline) {
      wake.wait_for(lock, stop, std::chrono::milliseconds(1), ready);
    }
    return ready();
  }

 private:
  [[nodiscard]] std::chrono::nanoseconds elapsed() const {
    return std::chrono::nanoseconds(elapsed_.load());
  }

  std::atomic<std::int64_t> elapsed_ = 0;
};

}  // namespace barevip
