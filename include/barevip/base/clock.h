// SPDX-License-Identifier: Apache-2.0
// Time behind a seam, so that tests own it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>

namespace barevip {

using MonotonicTime = std::chrono::steady_clock::time_point;  ///< for intervals
using WallTime = std::chrono::system_clock::time_point;       ///< to show to people and peers

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] virtual WallTime wallNow() const = 0;

  /// Blocks until ready(), the deadline on this clock, or stop; `wake` is notified when ready() may
  /// have changed. ready() runs with the lock held. Returns ready().
  virtual bool waitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& wake,
                         std::stop_token stop, MonotonicTime deadline,
                         const std::function<bool()>& ready) const = 0;
};

/// The machine's clocks. now() is CLOCK_BOOTTIME, which goes on while the machine is suspended: who
/// slept must not think that a lease is still its own. Compare it with no steady_clock.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return MonotonicTime(std::chrono::seconds(time.tv_sec) +
                         std::chrono::nanoseconds(time.tv_nsec));
  }
  [[nodiscard]] WallTime wallNow() const override { return std::chrono::system_clock::now(); }

  /// Time in suspend does not count here: after it the rest of the wait is still to come.
  bool waitUntil(std::unique_lock<std::mutex>& lock, std::condition_variable_any& wake,
                 std::stop_token stop, MonotonicTime deadline,
                 const std::function<bool()>& ready) const override {
    const auto awake = std::chrono::steady_clock::now();  // first: so the sum is at most max()
    return wake.wait_until(lock, std::move(stop), awake + (deadline - now()), ready);
  }
};

}  // namespace barevip
