// SPDX-License-Identifier: Apache-2.0
#include "common/kube/controller.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ControllerTest : public ::testing::Test {
 protected:
  void run(std::function<Result<ReconcileResult>(int call)> reconcile) {
    controller_.emplace(
        "test", queue_,
        [this, reconcile = std::move(reconcile)](const std::string&, const std::stop_token&) {
          return reconcile(++calls_);
        },
        [](const std::string& key) { return key; });
    controller_->start(2);
    queue_.add("a");
  }

  [[nodiscard]] bool waitCalls(int count) const {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (calls_ < count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  [[nodiscard]] bool waitWaiting(std::size_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (queue_.waiting() != count) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  ManualClock clock_;
  WorkQueue<std::string> queue_{clock_};
  std::atomic<int> calls_ = 0;
  std::optional<Controller<std::string>> controller_;
};

TEST_F(ControllerTest, ReconcilesWhatIsAdded) {
  run([](int) { return ReconcileResult{}; });
  EXPECT_TRUE(waitCalls(1));
  controller_->stop();
  EXPECT_EQ(controller_->successes(), 1U);
  EXPECT_EQ(queue_.waiting(), 0U);
}

TEST_F(ControllerTest, WorksOnTheCallersThreadIfTheCallerWants) {
  std::vector<std::string> seen;
  Controller<std::string> controller(
      "test", queue_,
      [&](const std::string& key, const std::stop_token&) -> Result<ReconcileResult> {
        seen.push_back(key);
        if (seen.size() == 1) return fail(ErrorCode::kUnavailable, "no");
        return ReconcileResult{};
      },
      [](const std::string& key) { return key; });
  queue_.add("a");
  EXPECT_TRUE(controller.workOnce({}));
  EXPECT_FALSE(controller.workOnce({})) << "not before the pause after an error";
  clock_.advance(seconds(1));
  EXPECT_TRUE(controller.workOnce({}));
  EXPECT_FALSE(controller.workOnce({}));
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "a"}));
}

TEST_F(ControllerTest, TellsHowLongEachKeyWaitedAndTook) {
  std::vector<Work> done;
  Controller<std::string> controller(
      "test", queue_,
      [&](const std::string&, const std::stop_token&) -> Result<ReconcileResult> {
        clock_.advance(seconds(2));
        if (done.empty()) return fail(ErrorCode::kUnavailable, "no");
        return ReconcileResult{};
      },
      [](const std::string& key) { return key; }, [&](const Work& work) { done.push_back(work); });
  queue_.add("a");
  clock_.advance(seconds(3));
  ASSERT_TRUE(controller.workOnce({}));
  clock_.advance(seconds(7));  // its pause is over, but nobody looks: it does not wait in the queue
  ASSERT_TRUE(controller.workOnce({}));
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].waited, seconds(3));
  EXPECT_EQ(done[0].took, seconds(2));
  EXPECT_FALSE(done[0].ok);
  EXPECT_EQ(done[1].took, seconds(2));
  EXPECT_TRUE(done[1].ok);
}

TEST_F(ControllerTest, ComesBackWhenTheReconcilerWants) {
  run([](int call) { return ReconcileResult{call == 1 ? seconds(30) : seconds(0)}; });
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(seconds(29));
  EXPECT_EQ(calls_, 1);
  clock_.advance(seconds(1));
  EXPECT_TRUE(waitCalls(2));
}

TEST_F(ControllerTest, TriesAgainLaterAfterAnError) {
  run([](int call) -> Result<ReconcileResult> {
    if (call < 3) return fail(ErrorCode::kUnavailable, "no");
    return ReconcileResult{};
  });
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(milliseconds(5));
  ASSERT_TRUE(waitCalls(2));
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(milliseconds(10));
  ASSERT_TRUE(waitCalls(3));
  controller_->stop();
  EXPECT_EQ(controller_->failures(), 2U);
  EXPECT_EQ(queue_.failures("a"), 0U) << "the success forgot them";
}

TEST_F(ControllerTest, WaitsAsLongAsTheServerSaid) {
  run([](int call) -> Result<ReconcileResult> {
    if (call == 1) {
      return tl::make_unexpected(Error{ErrorCode::kThrottled, "slow down", 429, seconds(7)});
    }
    return ReconcileResult{};
  });
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(seconds(6));
  EXPECT_EQ(calls_, 1);
  clock_.advance(seconds(1));
  EXPECT_TRUE(waitCalls(2));
}

TEST_F(ControllerTest, KeepsAKeyThatWasStoppedByOthers) {
  run([](int call) -> Result<ReconcileResult> {
    if (call < 3) return fail(ErrorCode::kStopped, "this process does not lead");
    return ReconcileResult{};
  });
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(milliseconds(5));
  ASSERT_TRUE(waitCalls(2));
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(milliseconds(10));
  ASSERT_TRUE(waitCalls(3));
  controller_->stop();
  EXPECT_EQ(controller_->failures(), 0U) << "nothing failed";
}

TEST_F(ControllerTest, KeepsNoKeyAfterItsOwnStop) {
  queue_.add("a");
  Controller<std::string> controller(
      "test", queue_,
      [this](const std::string&, const std::stop_token& stop) -> Result<ReconcileResult> {
        ++calls_;
        while (!stop.stop_requested()) std::this_thread::yield();
        return fail(ErrorCode::kStopped, "stopped");
      },
      [](const std::string& key) { return key; });
  controller.start();
  ASSERT_TRUE(waitCalls(1));
  controller.stop();
  EXPECT_EQ(queue_.waiting(), 0U);
}

TEST_F(ControllerTest, SurvivesAnException) {
  run([](int call) -> Result<ReconcileResult> {
    if (call == 1) throw std::runtime_error("bug");
    return ReconcileResult{};
  });
  ASSERT_TRUE(waitWaiting(1));
  clock_.advance(milliseconds(5));
  EXPECT_TRUE(waitCalls(2));
}

TEST_F(ControllerTest, StartsAgainAfterAStop) {
  run([](int) { return ReconcileResult{}; });
  ASSERT_TRUE(waitCalls(1));
  controller_->stop();
  queue_.add("b");
  controller_->start();
  EXPECT_TRUE(waitCalls(2));
}

}  // namespace
}  // namespace barevip::kube
