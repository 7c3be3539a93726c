// SPDX-License-Identifier: Apache-2.0
#include "barevip/base/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace barevip {
namespace {

using std::chrono::milliseconds;

MonotonicTime bootTime() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return MonotonicTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

class SystemClockTest : public testing::Test {
 protected:
  bool waitUntil(MonotonicTime deadline, const std::function<bool()>& ready) {
    std::unique_lock lock(mutex_);
    return clock_.waitUntil(lock, wake_, stop_.get_token(), deadline, ready);
  }

  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::stop_source stop_;
};

TEST_F(SystemClockTest, CountsTheTimeInSuspend) {
  const MonotonicTime before = bootTime();
  const MonotonicTime now = clock_.now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, bootTime());
}

TEST_F(SystemClockTest, WaitsUntilItsOwnDeadline) {
  const MonotonicTime deadline = clock_.now() + milliseconds(20);
  EXPECT_FALSE(waitUntil(deadline, [] { return false; }));
  EXPECT_GE(clock_.now() + milliseconds(1), deadline);
}

TEST_F(SystemClockTest, WaitsForEverUntilItIsStoppedOrReady) {
  EXPECT_TRUE(waitUntil(MonotonicTime::max(), [] { return true; }));
  const std::jthread stopper([this] { stop_.request_stop(); });
  EXPECT_FALSE(waitUntil(MonotonicTime::max(), [] { return false; }));
}

}  // namespace
}  // namespace barevip
