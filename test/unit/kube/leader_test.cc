// SPDX-License-Identifier: Apache-2.0
#include "common/kube/leader.h"

#include <gtest/gtest.h>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using std::chrono::seconds;

class LeaderTest : public testing::Test {
 protected:
  LeaderElector elector(const std::string& identity) {
    return LeaderElector(
        api_, clock_, {{"system", "lease"}, identity}, [] {}, [] {});
  }
  bool tries(LeaderElector& elector) {
    const auto held = elector.tryAcquireOrRenew({});
    return held && *held;
  }
  std::string holder() const {
    return api_.object(kLeases, {"system", "lease"})->at("spec").value("holderIdentity", "");
  }

  FakeApi api_;
  ManualClock clock_;
};

TEST_F(LeaderTest, TheFirstTakesTheLeaseAndTheSecondWaits) {
  auto a = elector("a");
  auto b = elector("b");
  EXPECT_TRUE(tries(a));
  EXPECT_FALSE(tries(b));
  EXPECT_TRUE(a.leading());
  EXPECT_FALSE(b.leading());
  EXPECT_EQ(b.holder(), "a");
}

TEST_F(LeaderTest, AHolderStopsLeadingBeforeAnotherCanTakeTheLease) {
  auto a = elector("a");
  auto b = elector("b");
  ASSERT_TRUE(tries(a));
  ASSERT_FALSE(tries(b));
  clock_.advance(seconds(10));
  EXPECT_FALSE(a.leading()) << "renewDeadline is over";
  EXPECT_FALSE(tries(b)) << "leaseDuration is not over yet";
  clock_.advance(seconds(5));
  EXPECT_TRUE(tries(b));
  EXPECT_FALSE(a.leading());
}

TEST_F(LeaderTest, ARenewedLeaseIsKept) {
  auto a = elector("a");
  auto b = elector("b");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(tries(a));
    EXPECT_FALSE(tries(b));
    clock_.advance(seconds(8));
    EXPECT_TRUE(a.leading());
  }
}

TEST_F(LeaderTest, OnlyWhatWasSeenCountsNotTheClockOfTheHolder) {
  auto a = elector("a");
  ASSERT_TRUE(tries(a));
  clock_.advance(seconds(3600));
  auto late = elector("late");
  EXPECT_FALSE(tries(late)) << "it saw the record only now";
  clock_.advance(seconds(15));
  EXPECT_TRUE(tries(late));
}

TEST_F(LeaderTest, WithoutTheApiServerTheTermEndsByItself) {
  auto a = elector("a");
  ASSERT_TRUE(tries(a));
  api_.setInterceptor([](auto, const auto&, const auto&) -> std::optional<Error> {
    return Error{ErrorCode::kUnavailable, "connection refused", 0, {}};
  });
  clock_.advance(seconds(9));
  EXPECT_FALSE(tries(a));
  EXPECT_TRUE(a.leading());
  clock_.advance(seconds(1));
  EXPECT_FALSE(a.leading());
}

TEST_F(LeaderTest, AConflictMeansThatAnotherWasQuicker) {
  auto a = elector("a");
  api_.setInterceptor([](FakeApi::Verb verb, const auto&, const auto&) -> std::optional<Error> {
    if (verb != FakeApi::Verb::kCreate) return std::nullopt;
    return Error{ErrorCode::kAlreadyExists, "exists", 409, {}};
  });
  const auto held = a.tryAcquireOrRenew({});
  ASSERT_TRUE(held);
  EXPECT_FALSE(*held);
}

TEST(LeaderThread, ACleanStopGivesTheLeaseBack) {
  FakeApi api;
  const SystemClock clock;
  std::atomic<int> started{0};
  std::atomic<int> stopped{0};
  LeaderElector a(
      api, clock, {{"system", "lease"}, "a"}, [&] { ++started; }, [&] { ++stopped; });
  a.start();
  ASSERT_TRUE(api.waitFor([&] { return started == 1; }));
  EXPECT_TRUE(a.leading());
  a.stop();
  EXPECT_EQ(stopped, 1);
  EXPECT_FALSE(a.leading());
  LeaderElector b(
      api, clock, {{"system", "lease"}, "b"}, [] {}, [] {});
  const auto held = b.tryAcquireOrRenew({});
  EXPECT_TRUE(held && *held);
}

}  // namespace
}  // namespace barevip::kube
