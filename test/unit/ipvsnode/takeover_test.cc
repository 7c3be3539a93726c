// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/takeover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class TakeoverTest : public testing::Test {
 protected:
  TakeoverTest() {
    nodes.established = true;
    nodes.live = {{"me", "eth0"}, {"peer", "eth0"}};
  }

  TakeoverDecision decide() {
    std::vector<VipElection> questions;
    for (const auto& [each, holder] : holders) {
      questions.push_back({each, {}, holder, {{{"default", "claim"}, holder}}});
      if (withoutIpObject) questions.back().ipObjects = {};
    }
    return takeover.decide({self, questions, owners, nodes, addresses, announced, onTheWire}, now);
  }

  bool announces() { return !decide().announce.empty(); }

  void answer(const char* address, std::optional<std::string> mac) {
    takeover.answered(ip(address), std::move(mac), now);
  }

  const std::string self = "me";
  const IpAddress vip = ip("192.0.2.1");
  std::map<IpAddress, std::string> holders{{vip, ""}};
  std::map<IpAddress, std::string> owners{{vip, "me"}};
  LiveView nodes;
  std::map<std::string, IpAddress> addresses{{"dead", ip("10.0.0.9")}};
  std::set<IpAddress> announced;
  bool withoutIpObject = false;
  bool onTheWire = true;
  MonotonicTime now{1000s};
  Takeover takeover;
};

// Beginning.

TEST_F(TakeoverTest, AVipThatNobodyHadIsAnnouncedAfterAProbeWithoutAnswer) {
  const TakeoverDecision first = decide();
  EXPECT_THAT(first.announce, IsEmpty());
  EXPECT_THAT(first.ask, ElementsAre(vip));
  EXPECT_THAT(decide().ask, IsEmpty()) << "asked once";
  answer("192.0.2.1", std::nullopt);
  EXPECT_THAT(decide().announce, ElementsAre(vip));
}

TEST_F(TakeoverTest, AVipThatAStrangerAnswersForIsReportedAndTriedAgainLater) {
  (void)decide();
  answer("192.0.2.1", "02:00:00:00:00:66");
  TakeoverDecision decision = decide();
  EXPECT_THAT(decision.announce, IsEmpty());
  EXPECT_THAT(decision.conflicts, ElementsAre(Pair(vip, "02:00:00:00:00:66")));
  EXPECT_EQ(decision.next, now + kConflictRetry);

  now += kConflictRetry;
  decision = decide();
  EXPECT_THAT(decision.ask, ElementsAre(vip));
  EXPECT_THAT(decision.conflicts, testing::SizeIs(1)) << "until it is known better";
  EXPECT_THAT(decide().conflicts, testing::SizeIs(1));
  answer("192.0.2.1", std::nullopt);
  decision = decide();
  EXPECT_THAT(decision.announce, ElementsAre(vip));
  EXPECT_THAT(decision.conflicts, IsEmpty());
}

TEST_F(TakeoverTest, OurOwnVipIsAnnouncedAtOnceAfterARestart) {
  holders[vip] = "me";
  const TakeoverDecision decision = decide();
  EXPECT_THAT(decision.announce, ElementsAre(vip));
  EXPECT_THAT(decision.ask, IsEmpty());
}

TEST_F(TakeoverTest, AVipOfALiveHolderIsTakenAtOnceSinceItGivesWay) {
  holders[vip] = "peer";
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, AMachineThatRebootsIsNoSlowerThanOneWithoutPower) {
  holders[vip] = "dead";
  nodes.onHold = {"dead"};
  EXPECT_THAT(decide().ask, ElementsAre(ip("10.0.0.9"))) << "its daemon said that it comes back";
  answer("10.0.0.9", "02:00:00:00:00:09");
  EXPECT_FALSE(announces()) << "its kernel serves on: a rollout moves nothing";
  now += kAskAgain;
  EXPECT_THAT(decide().ask, ElementsAre(ip("10.0.0.9")));
  answer("10.0.0.9", std::nullopt);
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, SilenceOnAnotherNetworkDoesNotEndAHold) {
  holders[vip] = "dead";
  nodes.onHold = {"dead"};
  onTheWire = false;
  EXPECT_THAT(decide().ask, IsEmpty());
  EXPECT_FALSE(announces());
  nodes.onHold = {};
  EXPECT_THAT(decide().ask, ElementsAre(ip("10.0.0.9")));
}

TEST_F(TakeoverTest, ANodeOnHoldWithoutAnAddressKeepsItsVips) {
  holders[vip] = "unknown";
  nodes.onHold = {"unknown"};
  EXPECT_FALSE(announces());
  nodes.onHold = {};
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, AVipThatSomethingElseHasOnItsHoldersNodeIsNotFoughtFor) {
  holders[vip] = "peer";
  nodes.live[1].eligibility.held = {vip};
  EXPECT_THAT(decide().ask, ElementsAre(vip));
  answer("192.0.2.1", "02:00:00:00:00:66");
  const TakeoverDecision decision = decide();
  EXPECT_THAT(decision.announce, IsEmpty());
  EXPECT_THAT(decision.conflicts, ElementsAre(Pair(vip, "02:00:00:00:00:66")));
  now += kConflictRetry;
  EXPECT_THAT(decide().ask, ElementsAre(vip));
  answer("192.0.2.1", std::nullopt);
  EXPECT_TRUE(announces()) << "nobody answers for it";
}

TEST_F(TakeoverTest, AVipWhoseRecordWasLostIsLeftToItsLiveHolderForAWhile) {
  holders[vip] = "peer";
  owners[vip] = "peer";
  EXPECT_FALSE(announces());
  owners.clear();
  holders[vip] = "";
  withoutIpObject = true;
  EXPECT_FALSE(announces()) << "deleted";
  owners[vip] = "me";
  withoutIpObject = false;
  TakeoverDecision decision = decide();
  EXPECT_THAT(decision.ask, IsEmpty()) << "the answer would be the holder's, no stranger's";
  EXPECT_EQ(decision.next, now + kRecordAgain);
  now += kRecordAgain;
  EXPECT_THAT(decide().ask, ElementsAre(vip)) << "it announces it no more";
}

TEST_F(TakeoverTest, AVipWhoseRecordWasLostWithItsHolderIsAskedForAtOnce) {
  holders[vip] = "dead";
  owners[vip] = "peer";
  (void)decide();
  owners[vip] = "me";
  holders[vip] = "";
  EXPECT_THAT(decide().ask, ElementsAre(vip));
}

TEST_F(TakeoverTest, AVipOfALeavingHolderIsTakenAtOnce) {
  holders[vip] = "peer";
  nodes.live = {{"me", "eth0"}};
  nodes.leaving = {"peer"};
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, AVipOfADeadMachineIsTakenAsSoonAsItsOwnAddressIsSilent) {
  holders[vip] = "dead";
  EXPECT_THAT(decide().ask, ElementsAre(ip("10.0.0.9")));
  answer("10.0.0.9", std::nullopt);
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, TheMachineOfASilentHolderIsAskedForBeforeVipsThatNobodyHas) {
  const IpAddress fresh = ip("192.0.2.2");
  holders = {{vip, "dead"}, {fresh, ""}};
  owners[fresh] = "me";
  const TakeoverDecision first = decide();
  EXPECT_THAT(first.open, testing::UnorderedElementsAre(ip("10.0.0.9"), fresh));
  EXPECT_THAT(first.urgent, ElementsAre(ip("10.0.0.9")));
  answer("10.0.0.9", std::nullopt);
  const TakeoverDecision second = decide();
  EXPECT_THAT(second.open, ElementsAre(fresh)) << "its answer is still awaited";
  EXPECT_THAT(second.urgent, IsEmpty());
}

TEST_F(TakeoverTest, AThousandVipsOfADeadMachineCostOneProbe) {
  holders = {{ip("192.0.2.1"), "dead"}, {ip("192.0.2.2"), "dead"}, {ip("192.0.2.3"), "dead"}};
  for (const auto& [each, holder] : holders) owners[each] = "me";
  EXPECT_THAT(decide().ask, ElementsAre(ip("10.0.0.9")));
  answer("10.0.0.9", std::nullopt);
  EXPECT_THAT(decide().announce, testing::SizeIs(3));
}

TEST_F(TakeoverTest, AVipOfASilentDaemonStaysWhileItsKernelAnswers) {
  holders[vip] = "dead";
  (void)decide();
  answer("10.0.0.9", "02:00:00:00:00:09");
  TakeoverDecision decision = decide();
  EXPECT_THAT(decision.announce, IsEmpty());
  EXPECT_EQ(decision.next, now + kAskAgain);
  now += kAskAgain;
  EXPECT_THAT(decide().ask, ElementsAre(ip("10.0.0.9")));
  answer("10.0.0.9", std::nullopt);
  EXPECT_TRUE(announces()) << "now the machine is gone, too";
}

TEST_F(TakeoverTest, AVipOfADaemonThatStaysSilentIsTakenInTheEnd) {
  holders[vip] = "dead";
  const MonotonicTime start = now;
  while (now < start + kSilentDaemonGrace) {
    ASSERT_FALSE(announces()) << (now - start) / 1ms;
    answer("10.0.0.9", "02:00:00:00:00:09");
    now += 500ms;
  }
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, AHolderThatIsNoNodeAnyMoreIsNotAskedFor) {
  holders[vip] = "removed";
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, WhatWeAnnounceAlreadyGoesOnWithoutAQuestion) {
  announced = {vip};
  const TakeoverDecision decision = decide();
  EXPECT_THAT(decision.announce, ElementsAre(vip));
  EXPECT_THAT(decision.ask, IsEmpty());
}

TEST_F(TakeoverTest, BeforeTheNodesAreKnownEverythingStaysAsTheKernelHasIt) {
  nodes = {};
  holders = {{ip("192.0.2.1"), ""}, {ip("192.0.2.2"), "peer"}};
  owners = {{ip("192.0.2.1"), "me"}, {ip("192.0.2.2"), "me"}};
  announced = {ip("192.0.2.2"), ip("192.0.2.3")};
  EXPECT_THAT(decide().announce, ElementsAre(ip("192.0.2.2"))) << "and .3 is served no more";
}

// Ending.

TEST_F(TakeoverTest, AVipOfAnotherIsLeftToIt) {
  owners[vip] = "peer";
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, WeAnswerUntilTheSuccessorReports) {
  announced = {vip};
  owners[vip] = "peer";
  holders[vip] = "me";
  const TakeoverDecision decision = decide();
  EXPECT_THAT(decision.announce, ElementsAre(vip));
  EXPECT_EQ(decision.next, now + kRelease);
  holders[vip] = "peer";
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, WeDoNotWaitForTheSuccessorForLong) {
  announced = {vip};
  owners[vip] = "peer";
  holders[vip] = "me";
  EXPECT_TRUE(announces());
  now += kRelease;
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, WeAnswerWhileNobodyIsRecorded) {
  announced = {vip};
  owners[vip] = "peer";
  EXPECT_TRUE(announces());
  now += 10 * kRelease;
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, WeDoNotGiveWayByAViewThatCountsNodesWhichMayBeDead) {
  announced = {vip};
  owners[vip] = "peer";
  holders[vip] = "me";
  nodes.settled = false;
  EXPECT_TRUE(announces());
  now += 10 * kRelease;
  EXPECT_TRUE(announces());
  nodes.settled = true;
  EXPECT_TRUE(announces()) << "from now on the successor has its time";
  now += kRelease;
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, WhoeverTookOverHasItWhateverTheView) {
  announced = {vip};
  owners[vip] = "peer";
  holders[vip] = "peer";
  nodes.settled = false;
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, AfterWeWereCutOffWeYieldAtOnceToWhoTookOver) {
  announced = {vip};
  owners[vip] = "peer";
  holders[vip] = "peer";
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, IfNobodyMayAnnounceNobodyDoes) {
  announced = {vip};
  owners.clear();
  EXPECT_FALSE(announces());
}

TEST_F(TakeoverTest, TheLastNodeKeepsAnsweringWhileItLeaves) {
  announced = {vip};
  owners.clear();
  nodes.live = {};
  nodes.leaving = {"me"};
  EXPECT_TRUE(announces());
}

TEST_F(TakeoverTest, WithoutItsIpObjectAVipStaysAsItIs) {
  announced = {vip};
  owners.clear();
  withoutIpObject = true;
  EXPECT_TRUE(announces());
}

// Gratuitous ARP.

}  // namespace
}  // namespace barevip::node::test
