// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Owners = std::map<IpAddress, std::string>;
using Names = std::vector<std::string>;

std::vector<std::string> nodeNames(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("node-" + std::to_string(100 + i));
  return names;
}

std::vector<OwnerQuestion> questions(int vips, const NodeNames& candidates,
                                     const Owners& holders = {}) {
  std::vector<OwnerQuestion> result;
  for (int i = 0; i < vips; ++i) {
    const IpAddress vip =
        IpAddress::fromNumber(Family::kIpv4, 0xc0000200U + static_cast<unsigned>(i));
    const auto holder = holders.find(vip);
    result.push_back({vip, candidates, holder == holders.end() ? "" : holder->second, {}});
  }
  return result;
}

std::map<std::string, int> loads(const Owners& owners) {
  std::map<std::string, int> result;
  for (const auto& [vip, node] : owners) ++result[node];
  return result;
}

int moved(const Owners& before, const Owners& after) {
  int count = 0;
  for (const auto& [vip, node] : before) count += after.at(vip) != node ? 1 : 0;
  return count;
}

TEST(Owner, LoadIsSpreadWithinAQuarterAboveTheMean) {
  for (const auto& [vips, nodes] : {std::pair(10, 3), {100, 10}, {1000, 10}, {7, 3}, {200, 50}}) {
    const Owners owners = chooseOwners(questions(vips, nodeNames(nodes)));
    ASSERT_EQ(owners.size(), static_cast<std::size_t>(vips));
    for (const auto& [node, load] : loads(owners)) {
      EXPECT_LE(load, (5 * vips + 4 * nodes - 1) / (4 * nodes)) << vips << " on " << nodes;
    }
  }
}

TEST(Owner, ADeadNodesVipsMoveAndNoOthers) {
  const auto names = nodeNames(5);
  const Owners before = chooseOwners(questions(100, names));
  const std::vector<std::string> left(names.begin() + 1, names.end());
  const Owners after = chooseOwners(questions(100, left, before));
  EXPECT_EQ(moved(before, after), loads(before)[names[0]]);
  EXPECT_FALSE(loads(after).contains(names[0]));
}

TEST(Owner, ANodeThatReturnsTakesNothingBack) {
  const auto names = nodeNames(3);
  const Owners before = chooseOwners(questions(30, names));
  const Owners without = chooseOwners(questions(30, Names{names[0], names[1]}, before));
  EXPECT_EQ(moved(without, chooseOwners(questions(30, names, without))), 0);
}

TEST(Owner, WithTwoNodesAllMayStayOnTheOneThatNeverDied) {
  const Owners all = chooseOwners(questions(20, Names{"a"}));
  EXPECT_EQ(moved(all, chooseOwners(questions(20, Names{"a", "b"}, all))), 0);
}

TEST(Owner, NoNodeKeepsMoreThanTwiceTheMean) {
  const Owners all = chooseOwners(questions(100, Names{"node-100"}));
  const auto names = nodeNames(10);
  const Owners spread = chooseOwners(questions(100, names, all));
  EXPECT_EQ(loads(spread)["node-100"], 20);
  EXPECT_EQ(moved(all, spread), 80);
  EXPECT_EQ(moved(spread, chooseOwners(questions(100, names, spread))), 0) << "settled at once";
}

TEST(Owner, AFewVipsAreNotWorthMoving) {
  const Owners all = chooseOwners(questions(4, Names{"node-100"}));
  EXPECT_EQ(moved(all, chooseOwners(questions(4, nodeNames(10), all))), 0);
}

TEST(Owner, AHolderThatMayNotAnnounceAnyMoreLosesTheVip) {
  const Owners owners = chooseOwners(questions(1, Names{"a", "b"}, {{ip("192.0.2.0"), "c"}}));
  EXPECT_TRUE(owners.at(ip("192.0.2.0")) == "a" || owners.at(ip("192.0.2.0")) == "b");
}

TEST(Owner, AVipWithoutCandidatesHasNone) {
  EXPECT_THAT(chooseOwners(questions(3, {})), IsEmpty());
  EXPECT_THAT(chooseOwners({}), IsEmpty());
}

TEST(Owner, TheHashIsTheSameOnEveryMachine) {
  EXPECT_EQ(rank("n1", ip("192.0.2.1")), rank("n1", ip("192.0.2.1")));
  EXPECT_NE(rank("n1", ip("192.0.2.1")), rank("n2", ip("192.0.2.1")));
  EXPECT_NE(rank("n1", ip("192.0.2.1")), rank("n1", ip("192.0.2.2")));
}

TEST(Owner, AnyHistoryStaysWithinTheBoundsAndSettlesAtOnce) {
  EXPECT_TRUE(rc::check([] {
    const auto pool = nodeNames(6);
    Owners owners;
    for (int step = 0; step < 8; ++step) {
      std::vector<std::string> live;
      for (const auto& name : pool) {
        if (*rc::gen::arbitrary<bool>()) live.push_back(name);
      }
      const int vips = *rc::gen::inRange(0, 40);
      const auto asked = questions(vips, live, owners);
      const Owners next = chooseOwners(asked);
      RC_ASSERT(next.size() == (live.empty() ? 0U : static_cast<std::size_t>(vips)));
      const auto bound = live.empty() ? 0
                                      : std::max(4, (2 * vips + static_cast<int>(live.size()) - 1) /
                                                        static_cast<int>(live.size()));
      for (const auto& [node, load] : loads(next)) RC_ASSERT(load <= bound);
      RC_ASSERT(chooseOwners(questions(vips, live, next)) == next);
      owners = next;
    }
  }));
}

// Who may announce.

class Candidates : public testing::Test {
 protected:
  Names of(const ServedVip& vip) const {
    const NodeNames names = askOwners({vip}, cluster.state, live)[0].candidates;
    return {names.begin(), names.end()};
  }

  ServedVip webVip() const {
    return {ip("192.0.2.1"), cluster.state.services, cluster.state.claims, {}, {}};
  }

  ClusterBuilder cluster = ClusterBuilder()
                               .add(service("web", {"192.0.2.1"}))
                               .add(node("n1"))
                               .add(node("n2"))
                               .add(claim("web", "192.0.2.1", "n2"));
  std::vector<LiveNode> live{{"n2", "eth0"}, {"n1", "eth0"}};
};

TEST_F(Candidates, AreAllLiveNodesInOrder) {
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
  const OwnerQuestion question = askOwners({webVip()}, cluster.state, live)[0];
  EXPECT_EQ(question.holder, "n2");
  const std::map<kube::ObjectKey, std::string> claims{{{"default", "web-192.0.2.1"}, "n2"}};
  EXPECT_EQ(question.claims, claims);
}

TEST_F(Candidates, AreOneListForAllVipsOfAPool) {
  ServedVip other = webVip();
  other.address = ip("192.0.2.2");
  const auto asked = askOwners({webVip(), other}, cluster.state, live);
  EXPECT_EQ(&asked[0].candidates.front(), &asked[1].candidates.front())
      << "else 10,000 VIPs of 100 nodes are a million strings on every pass";
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
  live[0].ability.blocked = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
  live[0].ability.blocked = {ip("192.0.2.2")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
  live[0].ability.blocked = live[1].ability.blocked = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "whoever has it goes on";
}

TEST_F(Candidates, AreNotThoseWhereSomethingElseHasTheAddress) {
  live[0].ability.held = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
}

TEST_F(Candidates, AreServingIfThereAreSuch) {
  live[0].ability.serving = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1"));
  live[1].ability.serving = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "whoever has it goes on";
}

TEST_F(Candidates, AreAllIfOneIsBlockedAndTheOtherDoesNotServe) {
  live[0].ability.serving = false;
  live[1].ability.blocked = {ip("192.0.2.1")};
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2")) << "whoever has it goes on";
}

TEST_F(Candidates, AreOneListWhileANodeDoesNotServe) {
  live[0].ability.serving = false;
  ServedVip other = webVip();
  other.address = ip("192.0.2.2");
  const auto asked = askOwners({webVip(), other}, cluster.state, live);
  EXPECT_EQ(&asked[0].candidates.front(), &asked[1].candidates.front());
}

TEST_F(Candidates, AreAllWhileANodeOfAnOlderVersionWouldNotTakeOver) {
  live[0].ability.serving = false;
  live[0].ability.blocked = {ip("192.0.2.1")};
  live[1].tellsAbility = false;
  EXPECT_THAT(of(webVip()), ElementsAre("n1", "n2"));
}

TEST_F(Candidates, OfPolicyLocalAreRatherWithoutEndpointsThanBlocked) {
  live[0].ability.blocked = {ip("192.0.2.1")};
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

TEST_F(Candidates, NeedAClaim) {
  ServedVip vip = webVip();
  vip.claims.clear();
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

  OwnerQuestion ask(const std::vector<model::IpClaim>& claims) {
    ServedVip vip{ip("192.0.2.1"), {}, {}, {}, {}};
    for (const auto& one : claims) vip.claims.push_back(std::make_shared<model::IpClaim>(one));
    return askOwners({vip}, cluster.state, live)[0];
  }

  std::string holderBy(const std::vector<std::string>& statusNodes) {
    std::vector<model::IpClaim> claims;
    for (const std::string& name : statusNodes) {
      claims.push_back(claim("s" + std::to_string(claims.size()), "192.0.2.1", name));
    }
    return ask(claims).holder;
  }

  ClusterBuilder cluster;
  std::vector<LiveNode> live;
};

TEST_F(SharedOwner, KeepsTheVipWhenAClaimComesOrGoes) {
  EXPECT_EQ(holderBy({"n2", "n2"}), "n2");
  EXPECT_EQ(holderBy({"", "n2"}), "n2") << "one that is new and first by name";
  EXPECT_EQ(holderBy({"n2"}), "n2") << "either one went";
  EXPECT_EQ(holderBy({"", ""}), "");
}

TEST_F(SharedOwner, IsTheFirstCandidateByClaimWhileTheyDiffer) {
  EXPECT_EQ(holderBy({"n2", "n1"}), "n2");
  EXPECT_EQ(holderBy({"dead", "n3"}), "n3") << "took over, but has not written all of them";
  EXPECT_EQ(holderBy({"dead", "gone"}), "dead");
}

TEST_F(SharedOwner, HasEveryClaimToWrite) {
  const std::map<kube::ObjectKey, std::string> claims{{{"default", "a-192.0.2.1"}, ""},
                                                      {{"default", "b-192.0.2.1"}, "n2"}};
  EXPECT_EQ(ask({claim("a", "192.0.2.1"), claim("b", "192.0.2.1", "n2")}).claims, claims);
}

TEST_F(SharedOwner, FollowsTheFirstPoolThatIsThere) {
  model::Pool pool;
  pool.key = {"", "new"};
  pool.announce.interfaces = {"eth1"};
  cluster.add(pool);
  live[1].bindInterface = "eth1";
  const OwnerQuestion question =
      ask({claim("a", "192.0.2.1", "", "renamed"), claim("b", "192.0.2.1", "", "new")});
  EXPECT_EQ(question.candidates, Names{"n2"});
}

}  // namespace
}  // namespace barevip::node::test
