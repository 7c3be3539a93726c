// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/vip_election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Names = std::vector<std::string>;

// By which rules.

TEST(Election, IsByShareOnceAllNodesKnowHow) {
  std::vector<LiveNode> live{{"n1", "eth0"}, {"n2", "eth0"}};
  EXPECT_EQ(electionOf(live), Election::kByShare);
  live[1].electsByShare = false;
  EXPECT_EQ(electionOf(live), Election::kByMean) << "what one leaves to another both would leave";
}

TEST(Election, ByTheMeanIsThatOfOlderDaemons) {
  std::vector<VipElection> asked;
  for (unsigned i = 0; i < 30; ++i) {
    const IpAddress vip = IpAddress::fromNumber(Family::kIpv4, 0xc0000200U + i);
    asked.push_back({vip, i < 20 ? Names{"a", "b"} : Names{"a", "b", "c", "d", "e"}, "", {}});
  }
  EXPECT_EQ(elect(asked, Election::kByMean), allotByMean(asked));
  EXPECT_EQ(elect(asked, Election::kByShare), allotByShare(asked));
  EXPECT_NE(allotByMean(asked), allotByShare(asked));
}

// Who may announce.

class Candidates : public testing::Test {
 protected:
  Names of(const ServedVip& vip) const {
    const NodeNames names = electionsFor({vip}, cluster.state, live)[0].candidates;
    return {names.begin(), names.end()};
  }

  ServedVip webVip() const {
    return {ip("192.0.2.1"), cluster.state.services, cluster.state.ipObjects, {}, {}};
  }

  ClusterBuilder cluster = ClusterBuilder()
                               .add(service("web", {"192.0.2.1"}))
                               .add(node("n1"))
                               .add(node("n2"))
                               .add(ipObject("web", "192.0.2.1", "n2"));
  std::vector<LiveNode> live{{"n2", "eth0"}, {"n1", "eth0"}};
};

TEST_F(Candidates, AreAllLiveNodesInOrder) {
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
  const VipElection question = electionsFor({webVip()}, cluster.state, live)[0];
  EXPECT_EQ(question.holder, "n2");
  const std::map<kube::ObjectKey, std::string> ipObjects{{{"default", "web-192.0.2.1"}, "n2"}};
  EXPECT_EQ(question.ipObjects, ipObjects);
}

TEST_F(Candidates, AreOneListForAllVipsOfAPool) {
  ServedVip other = webVip();
  other.address = ip("192.0.2.2");
  const auto asked = electionsFor({webVip(), other}, cluster.state, live);
  EXPECT_EQ(&asked[0].candidates.front(), &asked[1].candidates.front())
      << "else 10,000 VIPs of 100 nodes are a million strings on every pass";
}

TEST_F(Candidates, AreNodesWithEndpointsOrNoneWhereOnlyThoseForward) {
  ServedVip vip = webVip();
  vip.endpointNodesOnly = true;
  EXPECT_THAT(of(vip), IsEmpty());
  vip.endpointNodes = vip.commonNodes = {"n2", "n3"};
  EXPECT_THAT(of(vip), ElementsAre("n2"));
}

TEST_F(Candidates, NeedAFreshLease) {
  live = {{"n1", "eth0"}};
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
}

TEST_F(Candidates, NeedANodeObject) {
  live.push_back({"n3", "eth0"});
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(Candidates, NeedANetwork) {
  model::Node cut = node("n3");
  cut.networkUnavailable = true;
  cluster.add(cut);
  live.push_back({"n3", "eth0"});
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(Candidates, ServeTheFamily) {
  live[0].ipv6 = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
  ServedVip vip = webVip();
  vip.address = ip("2001:db8::1");
  EXPECT_THAT(of(vip), ElementsAre("n1"));
}

TEST_F(Candidates, AreNotBlockedIfThereAreOthers) {
  live[0].eligibility.blocked = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
  live[0].eligibility.blocked = {ip("192.0.2.2")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
  live[0].eligibility.blocked = live[1].eligibility.blocked = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "whoever has it goes on";
}

TEST_F(Candidates, AreNotThoseWhereSomethingElseHasTheAddress) {
  live[0].eligibility.held = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
}

TEST_F(Candidates, AreServingIfThereAreSuch) {
  live[0].eligibility.serving = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
  live[1].eligibility.serving = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "whoever has it goes on";
}

TEST_F(Candidates, AreAllIfOneIsBlockedAndTheOtherDoesNotServe) {
  live[0].eligibility.serving = false;
  live[1].eligibility.blocked = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "whoever has it goes on";
}

TEST_F(Candidates, AreOneListWhileANodeDoesNotServe) {
  live[0].eligibility.serving = false;
  ServedVip other = webVip();
  other.address = ip("192.0.2.2");
  const auto asked = electionsFor({webVip(), other}, cluster.state, live);
  EXPECT_EQ(&asked[0].candidates.front(), &asked[1].candidates.front());
}

TEST_F(Candidates, AreAllWhileANodeOfAnOlderVersionWouldNotTakeOver) {
  live[0].eligibility.serving = false;
  live[0].eligibility.blocked = {ip("192.0.2.1")};
  live[1].publishesEligibility = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(Candidates, OfPolicyLocalAreRatherWithoutEndpointsThanBlocked) {
  live[0].eligibility.blocked = {ip("192.0.2.1")};
  ServedVip vip = webVip();
  vip.endpointNodes = vip.commonNodes = {"n2"};
  EXPECT_THAT(of(vip), ElementsAre("n1"));
}

TEST_F(Candidates, NeedNotBeReady) {
  model::Node unreadyNode = node("n3");
  unreadyNode.ready = false;
  cluster.add(unreadyNode);
  live.push_back({"n3", "eth0"});
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2", "n3"));
}

TEST_F(Candidates, HonourTheExcludeLabel) {
  model::Node excluded = node("n3");
  excluded.labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "";
  cluster.add(excluded);
  live.push_back({"n3", "eth0"});
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(Candidates, AreThoseThatThePoolSelects) {
  model::Node rack = node("n3");
  rack.labels["rack"] = "7";
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.nodeSelector = model::LabelSelector{};
  pool.announce.nodeSelector->matchLabels["rack"] = "7";
  cluster.add(rack).add(pool);
  live.push_back({"n3", "eth0"});
  EXPECT_THAT(of(webVip()), ElementsAre("n3"));
}

TEST_F(Candidates, AreThoseThatAnnounceOnAnInterfaceOfThePool) {
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.interfaces = {"eth1"};
  cluster.add(pool);
  EXPECT_THAT(of(webVip()), IsEmpty());
  live[1].bindInterface = "eth1";
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
}

TEST_F(Candidates, AreNoneForAPoolThatIsNotAnnouncedByL2) {
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.mode = model::AnnounceMode::kNone;
  cluster.add(pool);
  EXPECT_THAT(of(webVip()), IsEmpty());
}

TEST_F(Candidates, AreThoseWithEndpointsForPolicyLocal) {
  ServedVip vip = webVip();
  vip.endpointNodes = {"n2", "n9"};
  vip.commonNodes = {"n2", "n9"};
  EXPECT_THAT(of(vip), ElementsAre("n2"));
  vip.endpointNodes = {"n9"};
  vip.commonNodes = {"n9"};
  EXPECT_THAT(of(vip), ElementsAre("n1", "n2")) << "nobody has endpoints: the VIP stays put";
}

TEST_F(Candidates, AreThoseWithEndpointsOfEachServiceElseOfAny) {
  cluster.add(node("n3"));
  live.push_back({"n3", "eth0"});
  ServedVip vip = webVip();
  vip.endpointNodes = {"n1", "n2"};
  vip.commonNodes = {"n2"};
  EXPECT_THAT(of(vip), ElementsAre("n2"));
  vip.commonNodes = {};
  EXPECT_THAT(of(vip), ElementsAre("n1", "n2"));
  vip.endpointNodes = {"n1", "n9"};
  vip.commonNodes = {"n9"};
  EXPECT_THAT(of(vip), ElementsAre("n1")) << "the node that has all of them may not announce";
}

TEST_F(Candidates, NeedAnIpObject) {
  ServedVip vip = webVip();
  vip.ipObjects.clear();
  EXPECT_THAT(of(vip), IsEmpty());
}

// Several IP objects for one VIP.

class SharedOwner : public testing::Test {
 protected:
  SharedOwner() {
    for (const char* name : {"n1", "n2", "n3"}) {
      cluster.add(node(name));
      live.push_back({name, "eth0"});
    }
  }

  VipElection ask(const std::vector<model::IpObject>& ipObjects) {
    ServedVip vip{ip("192.0.2.1"), {}, {}, {}, {}};
    for (const auto& one : ipObjects)
      vip.ipObjects.push_back(std::make_shared<model::IpObject>(one));
    return electionsFor({vip}, cluster.state, live)[0];
  }

  std::string holderBy(const std::vector<std::string>& statusNodes) {
    std::vector<model::IpObject> ipObjects;
    for (const std::string& name : statusNodes) {
      ipObjects.push_back(ipObject("s" + std::to_string(ipObjects.size()), "192.0.2.1", name));
    }
    return ask(ipObjects).holder;
  }

  ClusterBuilder cluster;
  std::vector<LiveNode> live;
};

TEST_F(SharedOwner, KeepsTheVipWhenAnIpObjectComesOrGoes) {
  EXPECT_EQ(holderBy({"n2", "n2"}), "n2");
  EXPECT_EQ(holderBy({"", "n2"}), "n2") << "one that is new and first by name";
  EXPECT_EQ(holderBy({"n2"}), "n2") << "either one went";
  EXPECT_EQ(holderBy({"", ""}), "");
}

TEST_F(SharedOwner, IsTheFirstCandidateByIpObjectWhileTheyDiffer) {
  EXPECT_EQ(holderBy({"n2", "n1"}), "n2");
  EXPECT_EQ(holderBy({"dead", "n3"}), "n3") << "took over, but has not written all of them";
  EXPECT_EQ(holderBy({"dead", "gone"}), "dead");
}

TEST_F(SharedOwner, HasEveryIpObjectToWrite) {
  const std::map<kube::ObjectKey, std::string> ipObjects{{{"default", "a-192.0.2.1"}, ""},
                                                         {{"default", "b-192.0.2.1"}, "n2"}};
  EXPECT_EQ(ask({ipObject("a", "192.0.2.1"), ipObject("b", "192.0.2.1", "n2")}).ipObjects,
            ipObjects);
}

TEST_F(SharedOwner, FollowsTheFirstPoolThatIsThere) {
  model::Pool pool;
  pool.key = {"", "new"};
  pool.announce.interfaces = {"eth1"};
  cluster.add(pool);
  live[1].bindInterface = "eth1";
  const VipElection question =
      ask({ipObject("a", "192.0.2.1", "", "renamed"), ipObject("b", "192.0.2.1", "", "new")});
  EXPECT_EQ(question.candidates, Names{"n2"});
}

// Several bind interfaces.

class CandidatesByNetwork : public Candidates {
 protected:
  CandidatesByNetwork() {
    live[0].interfaces = {{"eth0", {subnet("10.0.0.0/24")}}, {"eth1", {subnet("192.0.2.0/24")}}};
    live[1].interfaces = {{"eth0", {subnet("10.0.0.0/24")}}};
  }
  static IpPrefix subnet(const char* text) { return IpPrefix::parse(text).value(); }
};

TEST_F(CandidatesByNetwork, HaveAnInterfaceInThatOfTheVip) {
  EXPECT_THAT(of(webVip()), ElementsAre("n2"));
  live[0].interfaces[1].running = false;
  EXPECT_THAT(of(webVip()), IsEmpty()) << "nor does it become another network's";
}

TEST_F(CandidatesByNetwork, AreAllIfItIsThatOfNone) {
  live[0].interfaces.pop_back();
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(CandidatesByNetwork, LoseOnlyTheVipsOfAnInterfaceWithoutCarrier) {
  live[0].interfaces[0].running = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n2")) << "by its other interface";
  live[0].interfaces[1].subnets.clear();
  EXPECT_THAT(of(webVip()), ElementsAre("n1")) << "what is in no network goes by the first";
}

TEST_F(CandidatesByNetwork, AreAllWhileANodeOfAnOlderVersionKnowsNoNetworks) {
  live[1].interfaces.clear();
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(CandidatesByNetwork, FollowTheInterfacesOfThePool) {
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.interfaces = {"eth0"};
  cluster.add(pool);
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "though its network is elsewhere";
  cluster.state.pools.clear();
  pool.announce.interfaces = {"eth1"};
  cluster.add(pool);
  EXPECT_THAT(of(webVip()), ElementsAre("n2"));
}

TEST_F(CandidatesByNetwork, AreOneListForAllVipsOfANetwork) {
  ServedVip other = webVip();
  other.address = ip("192.0.2.2");
  const auto asked = electionsFor({webVip(), other}, cluster.state, live);
  EXPECT_EQ(&asked[0].candidates.front(), &asked[1].candidates.front());
}

}  // namespace
}  // namespace barevip::node::test
