// SPDX-License-Identifier: Apache-2.0
#include "common/kube/leader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verb = FakeApi::Verb;

const ObjectKey kLease{"barevip-system", "barevip-operator"};

// One process of the election, with its own view of the server and its own clock.
class Candidate {
 public:
  Candidate(FakeApi& api, const Clock& clock, const std::string& identity)
      : elector_(
            api, clock, {kLease, identity}, [this] { ++started; }, [this] { ++stopped; },
            [] { return 0.0; }) {}

  std::atomic<int> started = 0;
  std::atomic<int> stopped = 0;

  LeaderElector& operator*() { return elector_; }
  LeaderElector* operator->() { return &elector_; }

 private:
  LeaderElector elector_;
};

class LeaderTest : public ::testing::Test {
 protected:
  // Moves time in steps of half a second until the condition holds; after each, all electors that
  // run have done what they have to do.
  std::optional<milliseconds> advanceUntil(const std::function<bool()>& condition,
                                           milliseconds limit = seconds(60)) {
    milliseconds total{0};
    while (total <= limit) {
      EXPECT_TRUE(hanging_ || clock_.waitIdle(running_));
      if (condition()) return total;
      clock_.advance(milliseconds(500));
      total += milliseconds(500);
    }
    return std::nullopt;
  }
  void start(Candidate& candidate) {
    candidate->start();
    ++running_;
  }
  void stop(Candidate& candidate) {
    candidate->stop();
    --running_;
  }
  void advance(milliseconds time) {
    EXPECT_FALSE(advanceUntil([] { return false; }, time - milliseconds(500)));
  }

  void breakApi(const std::string& which, bool broken) {
    if (broken) {
      api_.setInterceptor([which](Verb verb, const Resource&, const ObjectKey&) {
        const bool hit = which == "all" || (which == "writes" && verb != Verb::kGet);
        return hit ? std::optional(Error{ErrorCode::kUnavailable, "connection refused", 111, {}})
                   : std::nullopt;
      });
    } else {
      api_.setInterceptor(nullptr);
    }
  }

  [[nodiscard]] std::string holder() const {
    const auto lease = api_.object(kLeases, kLease);
    return lease ? lease->at("spec").value("holderIdentity", "") : "";
  }

  FakeApi api_;
  ManualClock clock_;
  std::size_t running_ = 0;            ///< electors
  std::atomic<bool> hanging_ = false;  ///< one of them is held by the server
  std::atomic<bool> hang_ = false;
};

TEST_F(LeaderTest, TheFirstLeadsAndRenews) {
  Candidate a(api_, clock_, "a");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  EXPECT_EQ(a.started, 1);
  EXPECT_EQ(holder(), "a");
  EXPECT_EQ(a->holder(), "a");
  const auto spec = api_.object(kLeases, kLease)->at("spec");
  EXPECT_EQ(spec["leaseDurationSeconds"], 15);
  advance(seconds(60));
  EXPECT_TRUE(a->leading());
  EXPECT_EQ(a.stopped, 0);
  EXPECT_NE(api_.object(kLeases, kLease)->at("spec")["renewTime"], spec["renewTime"]);
  EXPECT_EQ(api_.object(kLeases, kLease)->at("spec")["acquireTime"], spec["acquireTime"]);
}

TEST_F(LeaderTest, ASecondOneWaits) {
  Candidate a(api_, clock_, "a");
  Candidate b(api_, clock_, "b");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  start(b);
  advance(seconds(60));
  EXPECT_TRUE(a->leading());
  EXPECT_FALSE(b->leading());
  EXPECT_EQ(b.started, 0);
  EXPECT_EQ(b->holder(), "a");
}

TEST_F(LeaderTest, ASecondOneTakesOverAfterACrash) {
  Candidate b(api_, clock_, "b");
  api_.put(kLeases, {{"metadata", {{"name", kLease.name}, {"namespace", kLease.ns}}},
                     {"spec",
                      {{"holderIdentity", "crashed"},
                       {"leaseDurationSeconds", 15},
                       {"leaseTransitions", 4},
                       // A clock that is wrong by years must not matter.
                       {"renewTime", "2099-01-01T00:00:00.000000Z"}}}});
  start(b);
  const auto time = advanceUntil([&] { return b->leading(); });
  ASSERT_TRUE(time);
  EXPECT_GE(*time, seconds(15)) << "counted from when it was seen";
  EXPECT_LE(*time, seconds(18));
  EXPECT_EQ(api_.object(kLeases, kLease)->at("spec")["leaseTransitions"], 5);
}

TEST_F(LeaderTest, ACleanStopLetsTheNextOneLeadAtOnce) {
  Candidate a(api_, clock_, "a");
  Candidate b(api_, clock_, "b");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  start(b);
  ASSERT_TRUE(advanceUntil([&] { return b->holder() == "a"; }));
  stop(a);
  EXPECT_EQ(a.stopped, 1);
  EXPECT_FALSE(a->leading());
  EXPECT_EQ(holder(), "");
  const auto time = advanceUntil([&] { return b->leading(); });
  ASSERT_TRUE(time);
  EXPECT_LE(*time, milliseconds(3000));
}

TEST_F(LeaderTest, StopsItsWorkBeforeItGivesTheLeaseUp) {
  std::string holderAtStop;
  LeaderElector elector(
      api_, clock_, {kLease, "a"}, [] {}, [&] { holderAtStop = holder(); }, [] { return 0.0; });
  elector.start();
  ++running_;
  ASSERT_TRUE(advanceUntil([&] { return elector.leading(); }));
  elector.stop();
  EXPECT_EQ(holderAtStop, "a");
  EXPECT_EQ(holder(), "");
}

TEST_F(LeaderTest, ALeaderThatIsCutOffStopsBeforeAnotherMayLead) {
  Candidate a(api_, clock_, "a");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  breakApi("all", true);
  const auto time = advanceUntil([&] { return !a->leading(); });
  ASSERT_TRUE(time);
  EXPECT_GE(*time, seconds(7));
  EXPECT_LE(*time, seconds(10)) << "5 s before the lease ends";
  EXPECT_TRUE(advanceUntil([&] { return a.stopped == 1; }, seconds(1)));
}

TEST_F(LeaderTest, IsNoLeaderWhileItsThreadHangs) {
  Candidate a(api_, clock_, "a");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  hang_ = true;
  api_.setInterceptor([&](Verb, const Resource&, const ObjectKey&) -> std::optional<Error> {
    hanging_ = true;
    while (hang_) std::this_thread::yield();
    return std::nullopt;
  });
  clock_.advance(seconds(3));
  ASSERT_TRUE(api_.waitFor([&] { return hanging_.load(); }));
  clock_.advance(seconds(10));
  EXPECT_FALSE(a->leading()) << "time alone ends it";
  hang_ = false;
  hanging_ = false;
  ASSERT_TRUE(advanceUntil([&] { return a.stopped == 1; }));
}

TEST_F(LeaderTest, NeverTwoLead) {
  Candidate a(api_, clock_, "a");
  Candidate b(api_, clock_, "b");
  start(a);
  start(b);
  ASSERT_TRUE(advanceUntil([&] { return a->leading() || b->leading(); }));
  int both = 0;
  for (int round = 0; round < 6; ++round) {
    breakApi(round % 2 == 0 ? "writes" : "all", true);
    advanceUntil(
        [&] {
          both += a->leading() && b->leading() ? 1 : 0;
          return false;
        },
        seconds(18));
    breakApi("", false);
    advanceUntil(
        [&] {
          both += a->leading() && b->leading() ? 1 : 0;
          return false;
        },
        seconds(20));
    EXPECT_TRUE(a->leading() || b->leading()) << round;
  }
  EXPECT_EQ(both, 0);
}

TEST_F(LeaderTest, LeadsAgainWhenTheServerIsBack) {
  Candidate a(api_, clock_, "a");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  breakApi("all", true);
  ASSERT_TRUE(advanceUntil([&] { return a.stopped == 1; }));
  breakApi("", false);
  ASSERT_TRUE(advanceUntil([&] { return a.started == 2; }));
  EXPECT_TRUE(a->leading());
}

TEST_F(LeaderTest, StopsWhenSomebodyTookTheLeaseByHand) {
  Candidate a(api_, clock_, "a");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  auto lease = *api_.object(kLeases, kLease);
  lease["spec"]["holderIdentity"] = "hand";
  api_.put(kLeases, lease);
  const auto time = advanceUntil([&] { return a.stopped == 1; });
  ASSERT_TRUE(time);
  EXPECT_LE(*time, milliseconds(2500));
  EXPECT_FALSE(a->leading());
  EXPECT_EQ(holder(), "hand");
}

TEST_F(LeaderTest, MakesTheLeaseAgainThatSomebodyDeleted) {
  Candidate a(api_, clock_, "a");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  api_.erase(kLeases, kLease);
  ASSERT_TRUE(advanceUntil([&] { return holder() == "a"; }));
  EXPECT_EQ(a.stopped, 0);
}

TEST_F(LeaderTest, ALeaseThatIsDeletedOrClearedByHandMakesNoSecondLeader) {
  Candidate a(api_, clock_, "a");
  Candidate b(api_, clock_, "b");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  start(b);
  ASSERT_TRUE(advanceUntil([&] { return b->holder() == "a"; }));
  const auto damage = [&](bool deleted) {
    if (deleted) {
      api_.erase(kLeases, kLease);
      return;
    }
    auto lease = *api_.object(kLeases, kLease);
    lease["spec"].erase("holderIdentity");
    api_.put(kLeases, lease);
  };
  for (const bool deleted : {true, false}) {
    damage(deleted);
    const auto both = advanceUntil([&] { return a->leading() && b->leading(); }, seconds(40));
    EXPECT_FALSE(both) << (deleted ? "deleted" : "cleared");
    EXPECT_TRUE(a->leading()) << "it takes it back";
    EXPECT_EQ(a.stopped, 0);
  }
}

TEST_F(LeaderTest, NobodyLeadsBesideALeaderThatCannotLearnThatItsLeaseIsGone) {
  for (const bool deleted : {true, false}) {
    Candidate b(api_, clock_, "b");
    auto lease = nlohmann::json{{"metadata", {{"name", kLease.name}, {"namespace", kLease.ns}}},
                                {"spec", {{"holderIdentity", "a"}, {"leaseDurationSeconds", 15}}}};
    api_.put(kLeases, lease);
    start(b);
    ASSERT_TRUE(advanceUntil([&] { return b->holder() == "a"; }));
    lease["spec"].erase("holderIdentity");
    deleted ? api_.erase(kLeases, kLease) : static_cast<void>(api_.put(kLeases, lease));
    const auto time = advanceUntil([&] { return b->leading(); });
    ASSERT_TRUE(time) << deleted;
    EXPECT_GE(*time, seconds(15)) << "a may lead for 10 s after its last renewal";
    stop(b);
    api_.erase(kLeases, kLease);
  }
}

TEST_F(LeaderTest, WhoResignsLetsAnotherLead) {
  Candidate a(api_, clock_, "a");
  Candidate b(api_, clock_, "b");
  start(a);
  ASSERT_TRUE(advanceUntil([&] { return a->leading(); }));
  start(b);
  ASSERT_TRUE(advanceUntil([&] { return b->holder() == "a"; }));
  a->resign();
  const auto time = advanceUntil([&] { return b->leading(); });
  ASSERT_TRUE(time);
  EXPECT_LE(*time, milliseconds(3000));
  EXPECT_EQ(a.stopped, 1);
  stop(b);
  EXPECT_TRUE(advanceUntil([&] { return a->leading(); })) << "it stands again later";
}

TEST_F(LeaderTest, StopsSoonWhileTheServerIsAway) {
  Candidate a(api_, clock_, "a");
  breakApi("all", true);
  start(a);
  ASSERT_TRUE(clock_.waitIdle(1));
  const auto start = std::chrono::steady_clock::now();
  a->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
  EXPECT_EQ(a.stopped, 0) << "it never led";
}

}  // namespace
}  // namespace barevip::kube
