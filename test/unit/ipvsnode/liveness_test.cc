// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/liveness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class LivenessTest : public testing::Test {
 protected:
  bool renew(const std::string& name, const std::string& state = kStateServing, int seconds = 7,
             const std::string& device = "eth0") {
    model::Lease lease;
    lease.key = {"barevip-system", kNodeLeasePrefix + name};
    lease.holder = name;
    lease.durationSeconds = seconds;
    lease.renewTime = std::to_string(++renewals_);
    lease.annotations = {{kStateAnnotation, state}, {kInterfaceAnnotation, device}};
    leases_[name] = lease;
    return liveness_.saw(lease, now_);
  }

  /// The Lease is seen again as it was, as after a new list.
  bool seeAgain(const std::string& name) { return liveness_.saw(leases_.at(name), now_); }

  std::vector<std::string> live() {
    std::vector<std::string> names;
    for (const LiveNode& one : liveness_.view(now_).live) names.push_back(one.name);
    return names;
  }

  std::vector<std::string> onHold() { return liveness_.view(now_).onHold; }

  void wait(std::chrono::milliseconds time) { now_ += time; }

  /// Time passes while these renew every two seconds.
  void pass(std::chrono::seconds time, std::initializer_list<const char*> renewing) {
    for (auto gone = 0s; gone < time; gone += 2s) {
      for (const char* name : renewing) renew(name);
      wait(2s);
    }
    for (const char* name : renewing) renew(name);
  }

  MonotonicTime now_{1000s};
  Liveness liveness_{"me"};

 private:
  int renewals_ = 0;
  std::map<std::string, model::Lease> leases_;
};

TEST_F(LivenessTest, SaysNothingBeforeOurOwnRenewalCameBack) {
  renew("a");
  EXPECT_FALSE(liveness_.view(now_).established);
  renew("me");
  EXPECT_TRUE(liveness_.view(now_).established);
  EXPECT_THAT(live(), ElementsAre("a", "me"));
}

TEST_F(LivenessTest, ANodeThatStopsRenewingIsGoneAfterItsLeaseDuration) {
  renew("a");
  pass(6s, {"me"});
  EXPECT_THAT(live(), ElementsAre("a", "me"));
  pass(2s, {"me"});
  EXPECT_THAT(live(), ElementsAre("me"));
}

TEST_F(LivenessTest, TellsWhenTheViewChangesNext) {
  renew("me");
  renew("a");
  EXPECT_EQ(liveness_.view(now_).next, now_ + 7001ms);
}

TEST_F(LivenessTest, ANodeThatFallsBackToAnOlderVersionIsKnownByTheLabelThatItWrites) {
  renew("me");
  model::Lease lease;
  lease.holder = "a";
  for (const auto& [rules, byShare] :
       {std::pair(kElectsByShare, true), {"true", false}, {kElectsByShare, true}}) {
    lease.labels[kNodeLeaseLabel] = rules;
    lease.renewTime += "1";
    EXPECT_TRUE(liveness_.saw(lease, now_)) << "the owners may be others";
    EXPECT_EQ(liveness_.view(now_).live.front().electsByShare, byShare);
  }
}

TEST_F(LivenessTest, SeeingAnOldRenewalAgainProvesNothing) {
  renew("a");
  pass(6s, {"me"});
  EXPECT_FALSE(seeAgain("a"));
  pass(2s, {"me"});
  EXPECT_THAT(live(), ElementsAre("me"));
}

TEST_F(LivenessTest, IsSettledWhenAllOthersWereSeenToRenewOrAreGone) {
  renew("me");
  EXPECT_TRUE(liveness_.view(now_).settled) << "there is nobody else";
  renew("a");
  renew("dead");
  EXPECT_FALSE(liveness_.view(now_).settled);
  pass(6s, {"me", "a"});
  EXPECT_FALSE(liveness_.view(now_).settled);
  pass(2s, {"me", "a"});
  EXPECT_THAT(live(), ElementsAre("a", "me"));
  EXPECT_TRUE(liveness_.view(now_).settled);
}

TEST_F(LivenessTest, WhenTheApiServerReturnsItSettlesAnew) {
  pass(4s, {"me", "a"});
  EXPECT_TRUE(liveness_.view(now_).settled);
  wait(300s);
  renew("me");
  EXPECT_FALSE(liveness_.view(now_).settled);
  renew("a");
  EXPECT_TRUE(liveness_.view(now_).settled);
}

TEST_F(LivenessTest, RenewTimesOfOtherClocksAreNeverCompared) {
  renew("me");
  model::Lease future;
  future.holder = "a";
  future.renewTime = "2999-01-01T00:00:00.000000Z";
  EXPECT_TRUE(liveness_.saw(future, now_));
  EXPECT_THAT(live(), ElementsAre("a", "me"));
}

TEST_F(LivenessTest, ARenewalOfALiveNodeIsNoNewsAndOfADeadOneIs) {
  renew("me");
  EXPECT_TRUE(renew("a"));
  EXPECT_TRUE(renew("a")) << "its first renewal proves that it lives";
  wait(2s);
  EXPECT_FALSE(renew("a"));
  pass(10s, {"me"});
  EXPECT_TRUE(renew("a"));
}

TEST_F(LivenessTest, WhileTheApiServerIsAwayEverybodyStaysAlive) {
  pass(4s, {"me", "a", "b"});
  wait(300s);
  EXPECT_THAT(live(), ElementsAre("a", "b", "me"));
  EXPECT_TRUE(liveness_.view(now_).established);
  EXPECT_FALSE(liveness_.view(now_).inTouch);
}

TEST_F(LivenessTest, WhenTheApiServerReturnsOthersHaveTheirFullTimeToRenew) {
  pass(4s, {"me", "a", "b"});
  wait(300s);
  EXPECT_TRUE(renew("me")) << "in touch again";
  EXPECT_THAT(live(), ElementsAre("a", "b", "me"));
  pass(6s, {"me", "a"});
  EXPECT_THAT(live(), ElementsAre("a", "b", "me"));
  pass(2s, {"me", "a"});
  EXPECT_THAT(live(), ElementsAre("a", "me")) << "b died meanwhile";
}

TEST_F(LivenessTest, ANodeThatWasDeadBeforeTheApiServerWentIsNotRevived) {
  renew("a");
  pass(10s, {"me"});
  EXPECT_THAT(live(), ElementsAre("me"));
  wait(60s);
  renew("me");
  EXPECT_THAT(live(), ElementsAre("me"));
}

TEST_F(LivenessTest, AStalledWatchKillsNobody) {
  // Our own renewals succeed at the server, but the watch shows neither ours nor others'.
  pass(4s, {"me", "a"});
  wait(5s);
  EXPECT_THAT(live(), ElementsAre("a", "me"));
  wait(5s);
  renew("me");
  EXPECT_THAT(live(), ElementsAre("a", "me"));
}

TEST_F(LivenessTest, BehindASlowApiServerANodeThatDiedIsSeenToBeDead) {
  for (int i = 0; i < 4; ++i) {
    renew("dies");
    renew("lives");
    renew("me");
    wait(5s);
  }
  // Each of our renewals is late, so that each begins our touch with the API server anew.
  for (int i = 0; i < 5; ++i) {
    renew("lives");
    renew("me");
    wait(4s);
    EXPECT_EQ(liveness_.view(now_).live.size(), i < 1 ? 3U : 2U) << "after " << i;
    wait(1s);
  }
  renew("lives");
  renew("me");
  EXPECT_THAT(live(), ElementsAre("lives", "me"));
}

TEST_F(LivenessTest, BehindAnApiServerThatGetsSlowNobodyDies) {
  for (const auto pace : {2s, 4s, 6s, 9s, 13s, 20s, 9s, 2s}) {
    for (const char* name : {"a", "me", "b"}) renew(name);
    EXPECT_THAT(live(), ElementsAre("a", "b", "me")) << pace.count() << " s";
    wait(pace);
    EXPECT_THAT(live(), ElementsAre("a", "b", "me")) << pace.count() << " s";
  }
}

TEST_F(LivenessTest, ANodeThatAskedForPatienceIsOnHoldWithinBounds) {
  renew("slow", kStateServing, 30);
  renew("hostile", kStateServing, 1'000'000);
  renew("hasty", kStateServing, 0);
  pass(6s, {"me"});
  EXPECT_THAT(live(), ElementsAre("hasty", "hostile", "me", "slow"));
  pass(2s, {"me"});
  EXPECT_THAT(live(), ElementsAre("me")) << "nothing new is given to what does not renew";
  EXPECT_THAT(onHold(), ElementsAre("hostile", "slow"));
  EXPECT_TRUE(liveness_.view(now_).settled) << "all know that";
  pass(24s, {"me"});
  EXPECT_THAT(onHold(), ElementsAre("hostile"));
  pass(30s, {"me"});
  EXPECT_THAT(onHold(), IsEmpty());
}

TEST_F(LivenessTest, ANodeOnHoldThatRenewsIsLiveAtOnce) {
  pass(2s, {"me", "a"});
  renew("a", kStateServing, 30);
  pass(10s, {"me"});
  EXPECT_THAT(onHold(), ElementsAre("a"));
  EXPECT_TRUE(renew("a"));
  EXPECT_THAT(live(), ElementsAre("a", "me"));
  EXPECT_THAT(onHold(), IsEmpty());
}

TEST_F(LivenessTest, AHoldLastsThroughAnOutageOfTheApiServer) {
  pass(2s, {"me", "a"});
  renew("a", kStateServing, 30);
  pass(10s, {"me"});
  wait(300s);
  renew("me");
  EXPECT_THAT(live(), ElementsAre("a", "me")) << "its full time";
  pass(8s, {"me"});
  EXPECT_THAT(onHold(), ElementsAre("a"));
}

TEST_F(LivenessTest, MorePatienceCountsThoughTheRenewalIsTheSame) {
  renew("me");
  model::Lease lease;
  lease.holder = "a";
  lease.renewTime = "t";
  liveness_.saw(lease, now_);
  lease.durationSeconds = 30;
  liveness_.saw(lease, now_);
  pass(20s, {"me"});
  EXPECT_THAT(onHold(), ElementsAre("a"));
}

TEST_F(LivenessTest, ALeavingNodeGivesWayButIsStillThere) {
  renew("me");
  renew("a");
  EXPECT_TRUE(renew("a", kStateLeaving));
  EXPECT_THAT(live(), ElementsAre("me"));
  EXPECT_THAT(liveness_.view(now_).leaving, ElementsAre("a"));
  EXPECT_TRUE(renew("a", kStateServing));
  EXPECT_THAT(live(), ElementsAre("a", "me"));
}

TEST_F(LivenessTest, ADeletedLeaseIsADeadNode) {
  renew("me");
  renew("a");
  model::Lease lease;
  lease.holder = "a";
  EXPECT_TRUE(liveness_.gone(lease));
  EXPECT_THAT(live(), ElementsAre("me"));
  EXPECT_FALSE(liveness_.gone(lease));
}

TEST_F(LivenessTest, KnowsWhereOthersAnnounce) {
  renew("me", kStateServing, 7, "eth1");
  EXPECT_EQ(liveness_.view(now_).live.front().bindInterface, "eth1");
}

TEST_F(LivenessTest, KnowsWhatOthersCannotAnnounce) {
  renew("me");
  model::Lease lease;
  lease.holder = "a";
  lease.annotations = {{kFamiliesAnnotation, kOnlyIpv4},
                       {kBlockedAnnotation, "192.0.2.1,nonsense,,192.0.2.7"},
                       {kHeldAnnotation, "192.0.2.9"}};
  EXPECT_TRUE(liveness_.saw(lease, now_));
  const LiveNode node = liveness_.view(now_).live.front();
  EXPECT_FALSE(node.ipv6);
  EXPECT_TRUE(node.publishesEligibility);
  EXPECT_EQ(node.eligibility,
            (Eligibility{true, {ip("192.0.2.1"), ip("192.0.2.7")}, {ip("192.0.2.9")}}));
  lease.annotations[kBlockedAnnotation] = kBlockedAll;
  EXPECT_TRUE(liveness_.saw(lease, now_));
  EXPECT_FALSE(liveness_.view(now_).live.front().eligibility.serving);
}

TEST_F(LivenessTest, ANodeThatSaysNothingOfItServesAll) {
  renew("me");
  const LiveNode node = liveness_.view(now_).live.front();
  EXPECT_TRUE(node.ipv6);
  EXPECT_EQ(node.eligibility, Eligibility{});
  EXPECT_FALSE(node.publishesEligibility);
}

TEST_F(LivenessTest, WhatIsNoListOfFamiliesOrVipsCountsAsServingAll) {
  renew("me");
  model::Lease lease;
  lease.holder = "a";
  lease.annotations = {{kFamiliesAnnotation, "6;4"},
                       {kBlockedAnnotation, "**,192.0.2.0/24, 192.0.2.1"},
                       {kHeldAnnotation, std::string(100'000, ',')}};
  EXPECT_TRUE(liveness_.saw(lease, now_));
  const LiveNode node = liveness_.view(now_).live.front();
  EXPECT_TRUE(node.ipv6);
  EXPECT_EQ(node.eligibility, Eligibility{});
}

TEST_F(LivenessTest, ALeaseOfNobodyIsIgnored) {
  renew("me");
  EXPECT_FALSE(liveness_.saw({}, now_));
  EXPECT_THAT(live(), ElementsAre("me"));
}

TEST_F(LivenessTest, KnowsTheInterfacesOfOthersAndWhichOfThemCannotBeReached) {
  renew("me");
  model::Lease lease;
  lease.holder = "a";
  lease.annotations = {{kInterfaceAnnotation, "eth0"},
                       {kInterfacesAnnotation, "eth0 192.0.2.0/24 eth1 /down"}};
  liveness_.saw(lease, now_);
  const auto live = liveness_.view(now_).live;
  net::BindInterfaces expected{{"eth0", {IpPrefix::parse("192.0.2.0/24").value()}}, {"eth1"}};
  expected[1].running = false;
  EXPECT_EQ(live.front().interfaces, expected);
}

}  // namespace
}  // namespace barevip::node::test
