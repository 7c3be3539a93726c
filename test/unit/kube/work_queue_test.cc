// SPDX-License-Identifier: Apache-2.0
#include "common/kube/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WorkQueueTest : public ::testing::Test {
 protected:
  // Everything that can be popped without waiting; each is done at once.
  std::vector<std::string> drain() {
    std::vector<std::string> keys;
    queue_.add("start");  // what is due comes into the queue when something is popped
    bool more = true;
    while (more) {
      const auto key = queue_.pop({});
      queue_.done(*key);
      if (*key == "start") {
        queue_.add("end");
      } else if (*key == "end") {
        more = false;
      } else {
        keys.push_back(*key);
      }
    }
    return keys;
  }

  ManualClock clock_;
  WorkQueue<std::string> queue_{clock_};
};

using Keys = std::vector<std::string>;

TEST_F(WorkQueueTest, GivesKeysInOrderAndOnce) {
  for (const char* key : {"a", "b", "a", "c", "b"}) queue_.add(key);
  EXPECT_EQ(queue_.size(), 3U);
  EXPECT_EQ(drain(), (Keys{"a", "b", "c"}));
}

TEST_F(WorkQueueTest, GivesAKeyThatChangedDuringItsWorkAgainAfterwards) {
  queue_.add("a");
  const auto key = queue_.pop({});
  queue_.add("a");
  queue_.add("a");
  EXPECT_EQ(queue_.size(), 0U) << "not while it is worked on";
  queue_.done(*key);
  EXPECT_EQ(queue_.size(), 1U);
  EXPECT_EQ(drain(), (Keys{"a"}));
}

TEST_F(WorkQueueTest, GivesALateKeyAtItsTime) {
  queue_.addAfter("late", seconds(10));
  EXPECT_EQ(drain(), Keys{});
  EXPECT_EQ(queue_.waiting(), 1U);
  clock_.advance(seconds(10));
  EXPECT_EQ(drain(), (Keys{"late"}));
  EXPECT_EQ(queue_.waiting(), 0U);
}

TEST_F(WorkQueueTest, TakesTheEarlierOfTwoTimes) {
  queue_.addAfter("a", seconds(10));
  queue_.addAfter("a", seconds(5));
  queue_.addAfter("a", seconds(20));
  EXPECT_EQ(queue_.waiting(), 1U);
  clock_.advance(seconds(5));
  EXPECT_EQ(drain(), (Keys{"a"}));
  clock_.advance(seconds(30));
  EXPECT_EQ(drain(), Keys{});
}

TEST_F(WorkQueueTest, WaitsLongerAfterEachFailure) {
  std::vector<milliseconds> delays;
  for (int i = 0; i < 16; ++i) {
    queue_.addRateLimited("a");
    milliseconds delay{0};
    while (drain().empty()) {
      const milliseconds step(delay < milliseconds(1000) ? 5 : 20);
      clock_.advance(step);
      delay += step;
    }
    delays.push_back(delay);
  }
  EXPECT_EQ(delays[0], milliseconds(5));
  EXPECT_EQ(delays[1], milliseconds(10));
  EXPECT_EQ(delays[7], milliseconds(640));
  EXPECT_EQ(delays[15], seconds(60)) << "and no longer than that";
  EXPECT_EQ(queue_.failures("a"), 16U);
}

TEST_F(WorkQueueTest, ForgetsFailures) {
  for (int i = 0; i < 5; ++i) queue_.addRateLimited("a");
  queue_.forget("a");
  EXPECT_EQ(queue_.failures("a"), 0U);
  queue_.addRateLimited("b");
  clock_.advance(milliseconds(5));
  EXPECT_EQ(drain(), (Keys{"a", "b"})) << "the earlier time of a counts";
}

TEST_F(WorkQueueTest, WakesAWaitingWorker) {
  std::optional<std::string> got;
  std::jthread worker([&](const std::stop_token& stop) { got = queue_.pop(stop); });
  queue_.addAfter("a", seconds(1));
  clock_.advance(seconds(1));
  worker.join();
  EXPECT_EQ(got, "a");
}

TEST_F(WorkQueueTest, DoesNotWaitIfTheCallerWillNot) {
  queue_.add("now");
  queue_.addAfter("late", seconds(1));
  EXPECT_EQ(queue_.tryPop(), "now");
  EXPECT_EQ(queue_.tryPop(), std::nullopt);
  clock_.advance(seconds(1));
  EXPECT_EQ(queue_.tryPop(), "late");
  queue_.add("now");
  EXPECT_EQ(queue_.tryPop(), std::nullopt) << "somebody has it";
}

TEST_F(WorkQueueTest, GivesNothingAfterShutdown) {
  std::jthread worker([&](const std::stop_token& stop) { EXPECT_FALSE(queue_.pop(stop)); });
  queue_.shutdown();
  worker.join();
  queue_.add("a");
  EXPECT_FALSE(queue_.pop({}));
}

TEST_F(WorkQueueTest, GivesNothingToAStoppedWorker) {
  std::jthread worker([&](const std::stop_token& stop) { EXPECT_FALSE(queue_.pop(stop)); });
  worker.request_stop();
  worker.join();
}

TEST(WorkQueueThreads, NeverGiveOneKeyToTwoWorkers) {
  const SystemClock clock;
  WorkQueue<int> queue(clock);
  constexpr int kKeys = 8;
  std::map<int, std::atomic<int>> running;
  std::map<int, std::atomic<int>> work;
  for (int key = 0; key < kKeys; ++key) {
    running[key] = 0;
    work[key] = 0;
  }
  std::atomic<int> overlaps = 0;
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&](const std::stop_token& stop) {
        while (const auto key = queue.pop(stop)) {
          if (running.at(*key).fetch_add(1) != 0) ++overlaps;
          ++work.at(*key);
          std::this_thread::yield();
          --running.at(*key);
          queue.done(*key);
        }
      });
    }
    for (int round = 0; round < 2000; ++round) {
      queue.add(round % kKeys);
      if (round % 7 == 0) queue.addAfter(round % kKeys, milliseconds(1));
    }
    while (queue.size() > 0 || queue.waiting() > 0) std::this_thread::yield();
    for (std::jthread& worker : workers) worker.request_stop();
  }
  EXPECT_EQ(overlaps, 0);
  for (const auto& [key, count] : work) EXPECT_GT(count, 0) << key;
}

}  // namespace
}  // namespace barevip::kube
