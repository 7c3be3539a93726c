// SPDX-License-Identifier: Apache-2.0
#include "common/kube/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "common/kube/controller.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;

class WorkQueueTest : public testing::Test {
 protected:
  // What a worker gets now, or an empty text.
  std::string now() {
    if (queue_.depth() == 0) {
      // A stopped token makes take() look once and not wait.
      queue_.addAfter("tick", milliseconds(0));
      const auto key = queue_.take({});
      queue_.done(*key);
      if (*key != "tick") return *key;
      return "";
    }
    return *queue_.take({});
  }

  ManualClock clock_;
  WorkQueue<std::string> queue_{clock_};
};

TEST_F(WorkQueueTest, AKeyIsQueuedOnce) {
  queue_.add("a");
  queue_.add("a");
  EXPECT_EQ(queue_.depth(), 1U);
}

TEST_F(WorkQueueTest, AKeyThatChangesWhileAWorkerHasItComesAgainAfterwards) {
  queue_.add("a");
  EXPECT_EQ(queue_.take({}), "a");
  queue_.add("a");
  EXPECT_EQ(queue_.depth(), 0U) << "never with two workers";
  queue_.done("a");
  EXPECT_EQ(queue_.depth(), 1U);
}

TEST_F(WorkQueueTest, ADelayedKeyComesWhenItsTimeIsThere) {
  queue_.addAfter("a", milliseconds(100));
  EXPECT_EQ(now(), "");
  clock_.advance(milliseconds(100));
  EXPECT_EQ(queue_.take({}), "a");
}

TEST_F(WorkQueueTest, AddingADelayedKeyBringsItAtOnceAndOnlyOnce) {
  queue_.addAfter("a", milliseconds(100));
  queue_.add("a");
  EXPECT_EQ(queue_.take({}), "a");
  queue_.done("a");
  EXPECT_TRUE(queue_.idle());
}

TEST_F(WorkQueueTest, FailuresWaitLongerEachTimeUntilForgotten) {
  for (const int expected : {5, 10, 20, 40}) {
    queue_.retry("a");
    clock_.advance(milliseconds(expected - 1));
    EXPECT_EQ(now(), "") << expected;
    clock_.advance(milliseconds(1));
    EXPECT_EQ(queue_.take({}), "a") << expected;
    queue_.done("a");
  }
  queue_.forget("a");
  queue_.retry("a");
  clock_.advance(milliseconds(5));
  EXPECT_EQ(queue_.take({}), "a");
}

TEST(WorkQueueStop, AWaitingWorkerReturnsAtOnce) {
  const SystemClock clock;
  WorkQueue<std::string> queue(clock);
  std::jthread worker([&](const std::stop_token& stop) { EXPECT_FALSE(queue.take(stop)); });
}

TEST(WorkQueueThreads, ManyWorkersShareTheWorkAndNeverAKey) {
  const SystemClock clock;
  WorkQueue<std::string> queue(clock);
  std::atomic<int> handled{0};
  std::vector<std::atomic<int>> busy(8);
  Controller<std::string> controller("test", queue, [&](const std::string& key, const auto&) {
    auto& flag = busy[static_cast<std::size_t>(std::stoi(key))];
    EXPECT_EQ(flag.fetch_add(1), 0);
    ++handled;
    flag.fetch_sub(1);
    return Result<ReconcileResult>{};
  });
  controller.start(4);
  for (int round = 0; round < 200; ++round) {
    for (int key = 0; key < 8; ++key) queue.add(std::to_string(key));
  }
  while (!queue.idle()) std::this_thread::yield();
  controller.stop();
  EXPECT_GE(handled, 8);
}

TEST(ControllerProcess, AnErrorBringsTheKeyAgainAndRetryAfterIsObeyed) {
  ManualClock clock;
  WorkQueue<std::string> queue(clock);
  Result<ReconcileResult> answer = fail(ErrorCode::kUnavailable, "away");
  Controller<std::string> controller("test", queue,
                                     [&](const std::string&, const auto&) { return answer; });
  queue.add("a");
  controller.process(*queue.take({}), {});
  EXPECT_FALSE(queue.idle());
  clock.advance(milliseconds(5));
  answer.error().retryAfter = std::chrono::seconds(3);
  controller.process(*queue.take({}), {});
  clock.advance(milliseconds(2999));
  EXPECT_EQ(queue.depth(), 0U);
  clock.advance(milliseconds(1));
  answer = ReconcileResult{};
  controller.process(*queue.take({}), {});
  EXPECT_TRUE(queue.idle());
}

}  // namespace
}  // namespace barevip::kube
