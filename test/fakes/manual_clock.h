// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
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
    while (!ready() && !stop.stop_requested()) {
      const std::int64_t seen = elapsed_.load();
      if (now() >= deadline) break;
      mark(seen);
      wake.wait_for(lock, stop, std::chrono::milliseconds(1), ready);
    }
    unmark();
    return ready();
  }

  /// Threads that wait in waitUntil and have seen the present time: they will do nothing until it
  /// moves or somebody wakes them. With this, steps of time do not outrun threads.
  [[nodiscard]] std::size_t idle() const {
    const std::lock_guard lock(mutex_);
    const std::int64_t present = elapsed_.load();
    std::size_t count = 0;
    for (const auto& [thread, seen] : waiting_) count += seen == present ? 1U : 0U;
    return count;
  }

  /// Whether that thread is among them.
  [[nodiscard]] bool isIdle(std::thread::id thread) const {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(thread);
    return found != waiting_.end() && found->second == elapsed_.load();
  }

  /// Waits until so many threads are idle. False after ten seconds of real time.
  [[nodiscard]] bool waitIdle(std::size_t threads) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (idle() < threads) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  }

 private:
  [[nodiscard]] std::chrono::nanoseconds elapsed() const {
    return std::chrono::nanoseconds(elapsed_.load());
  }

  void mark(std::int64_t seen) const {
    const std::lock_guard lock(mutex_);
    waiting_[std::this_thread::get_id()] = seen;
  }
  void unmark() const {
    const std::lock_guard lock(mutex_);
    waiting_.erase(std::this_thread::get_id());
  }

  std::atomic<std::int64_t> elapsed_ = 0;
  mutable std::mutex mutex_;
  mutable std::map<std::thread::id, std::int64_t> waiting_;
};

}  // namespace barevip
