// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/bounded_load_election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::IsEmpty;

using Names = std::vector<std::string>;

std::vector<std::string> nodeNames(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("node-" + std::to_string(100 + i));
  return names;
}

std::vector<VipElection> questions(int vips, const NodeNames& candidates,
                                   const Owners& holders = {}) {
  std::vector<VipElection> result;
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

TEST(BoundedLoadElection, LoadIsSpreadWithinAQuarterAboveTheMean) {
  for (const auto& [vips, nodes] : {std::pair(10, 3), {100, 10}, {1000, 10}, {7, 3}, {200, 50}}) {
    const Owners owners = allotByShare(questions(vips, nodeNames(nodes)));
    ASSERT_EQ(owners.size(), static_cast<std::size_t>(vips));
    for (const auto& [node, load] : loads(owners)) {
      EXPECT_LE(load, (5 * vips + 4 * nodes - 1) / (4 * nodes)) << vips << " on " << nodes;
    }
  }
}

TEST(BoundedLoadElection, ADeadNodesVipsMoveAndNoOthers) {
  const auto names = nodeNames(5);
  const Owners before = allotByShare(questions(100, names));
  const std::vector<std::string> left(names.begin() + 1, names.end());
  const Owners after = allotByShare(questions(100, left, before));
  EXPECT_EQ(moved(before, after), loads(before)[names[0]]);
  EXPECT_FALSE(loads(after).contains(names[0]));
}

TEST(BoundedLoadElection, ANodeThatReturnsTakesNothingBack) {
  const auto names = nodeNames(3);
  const Owners before = allotByShare(questions(30, names));
  const Owners without = allotByShare(questions(30, Names{names[0], names[1]}, before));
  EXPECT_EQ(moved(without, allotByShare(questions(30, names, without))), 0);
}

TEST(BoundedLoadElection, WithTwoNodesAllMayStayOnTheOneThatNeverDied) {
  const Owners all = allotByShare(questions(20, Names{"a"}));
  EXPECT_EQ(moved(all, allotByShare(questions(20, Names{"a", "b"}, all))), 0);
}

TEST(BoundedLoadElection, NoNodeKeepsMoreThanTwiceTheMean) {
  const Owners all = allotByShare(questions(100, Names{"node-100"}));
  const auto names = nodeNames(10);
  const Owners spread = allotByShare(questions(100, names, all));
  EXPECT_EQ(loads(spread)["node-100"], 20);
  EXPECT_EQ(moved(all, spread), 80);
  EXPECT_EQ(moved(spread, allotByShare(questions(100, names, spread))), 0) << "settled at once";
}

TEST(BoundedLoadElection, AFewVipsAreNotWorthMoving) {
  const Owners all = allotByShare(questions(4, Names{"node-100"}));
  EXPECT_EQ(moved(all, allotByShare(questions(4, nodeNames(10), all))), 0);
}

TEST(BoundedLoadElection, AHolderThatMayNotAnnounceAnyMoreLosesTheVip) {
  const Owners owners = allotByShare(questions(1, Names{"a", "b"}, {{ip("192.0.2.0"), "c"}}));
  EXPECT_TRUE(owners.at(ip("192.0.2.0")) == "a" || owners.at(ip("192.0.2.0")) == "b");
}

TEST(BoundedLoadElection, AVipWithoutCandidatesHasNone) {
  EXPECT_THAT(allotByShare(questions(3, {})), IsEmpty());
  EXPECT_THAT(allotByShare({}), IsEmpty());
}

TEST(BoundedLoadElection, TheHashIsTheSameOnEveryMachine) {
  EXPECT_EQ(rank("n1", ip("192.0.2.1")), rank("n1", ip("192.0.2.1")));
  EXPECT_NE(rank("n1", ip("192.0.2.1")), rank("n2", ip("192.0.2.1")));
  EXPECT_NE(rank("n1", ip("192.0.2.1")), rank("n1", ip("192.0.2.2")));
}

TEST(BoundedLoadElection, AnyHistoryStaysWithinTheBoundsAndSettlesAtOnce) {
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
      const Owners next = allotByShare(asked);
      RC_ASSERT(next.size() == (live.empty() ? 0U : static_cast<std::size_t>(vips)));
      const auto bound = live.empty() ? 0
                                      : std::max(4, (2 * vips + static_cast<int>(live.size()) - 1) /
                                                        static_cast<int>(live.size()));
      for (const auto& [node, load] : loads(next)) RC_ASSERT(load <= bound);
      RC_ASSERT(allotByShare(questions(vips, live, next)) == next);
      owners = next;
    }
  }));
}

// Candidates that differ: policy Local, Pools that name nodes, nodes without IPv6.

/// The holders are those of `holders`; a VIP that is not there has none.
std::vector<VipElection> heldBy(std::vector<VipElection> asked, const Owners& holders) {
  for (VipElection& question : asked) {
    const auto holder = holders.find(question.vip);
    question.holder = holder == holders.end() ? "" : holder->second;
  }
  return asked;
}

IpAddress vipNumber(unsigned i) { return IpAddress::fromNumber(Family::kIpv4, 0x0a000000U + i); }

/// 20 nodes; the first VIPs have their pods on two ingress nodes, the others may be anywhere.
struct IngressCluster {
  NodeNames all = nodeNames(20);
  NodeNames ingress = Names{"node-103", "node-111"};

  std::vector<VipElection> asked(unsigned local, unsigned anywhere) const {
    std::vector<VipElection> result;
    for (unsigned i = 0; i < local + anywhere; ++i) {
      result.push_back({vipNumber(1000 + 2 * i), i < local ? ingress : all, "", {}});
    }
    return result;
  }
};

class IngressTopology : public testing::TestWithParam<std::pair<unsigned, unsigned>> {
 protected:
  IngressCluster cluster;
  std::vector<VipElection> asked = cluster.asked(GetParam().first, GetParam().second);
  Owners before = allotByShare(asked);
};

TEST_P(IngressTopology, IsSettledAtOnce) { EXPECT_EQ(allotByShare(heldBy(asked, before)), before); }

TEST_P(IngressTopology, OneServiceCreatedMovesNoOther) {
  for (const unsigned at : {0U, 1001U, 100'000U}) {
    for (const NodeNames& candidates : {cluster.ingress, cluster.all}) {
      auto grown = asked;
      grown.push_back({vipNumber(at), candidates, "", {}});
      std::sort(grown.begin(), grown.end(),
                [](const auto& a, const auto& b) { return a.vip < b.vip; });
      EXPECT_EQ(moved(before, allotByShare(heldBy(grown, before))), 0);
    }
  }
}

TEST_P(IngressTopology, OneServiceDeletedMovesNoOther) {
  for (std::size_t gone = 0; gone < asked.size(); ++gone) {
    auto shrunk = asked;
    shrunk.erase(shrunk.begin() + static_cast<std::ptrdiff_t>(gone));
    Owners rest = before;
    rest.erase(asked[gone].vip);
    EXPECT_EQ(allotByShare(heldBy(shrunk, before)), rest);
  }
}

TEST_P(IngressTopology, AnUnrelatedNodeThatDiesMovesOnlyItsOwn) {
  for (const std::string& dead : cluster.all) {
    if (cluster.ingress.contains(dead)) continue;
    Names left;
    for (const auto& name : cluster.all) {
      if (name != dead) left.push_back(name);
    }
    auto now = heldBy(asked, before);
    for (auto& question : now) {
      if (question.candidates == cluster.all) question.candidates = left;
    }
    EXPECT_EQ(moved(before, allotByShare(now)), loads(before)[dead]);
  }
}

INSTANTIATE_TEST_SUITE_P(LocalAndCluster, IngressTopology,
                         testing::Values(std::pair(30U, 10U), std::pair(100U, 40U),
                                         std::pair(200U, 50U)));

// What daemons of an older version do, and why they are not followed longer than they run.
TEST(ElectionByMean, MovesManyForOneServiceWhereCandidatesDiffer) {
  const auto asked = IngressCluster().asked(100, 40);
  Owners settled;
  for (int round = 0; round < 10; ++round) settled = allotByMean(heldBy(asked, settled));
  ASSERT_EQ(allotByMean(heldBy(asked, settled)), settled);
  auto shrunk = asked;
  shrunk.erase(shrunk.begin());
  Owners rest = settled;
  rest.erase(asked.front().vip);
  EXPECT_GT(moved(rest, allotByMean(heldBy(shrunk, rest))), 20);
}

/// Nodes, of which some are away, and VIPs with candidates of their own.
struct World {
  struct Vip {
    IpAddress address;
    Names candidates;
  };
  std::vector<Vip> vips;  ///< ascending
  std::set<std::string> away;
  Owners owners;

  [[nodiscard]] std::vector<VipElection> asked() const {
    std::vector<VipElection> result;
    for (const Vip& vip : vips) {
      Names here;
      for (const auto& name : vip.candidates) {
        if (!away.contains(name)) here.push_back(name);
      }
      result.push_back({vip.address, here, "", {}});
    }
    return heldBy(std::move(result), owners);
  }

  void settle() { owners = allotByShare(asked()); }
};

Names someOf(const Names& names) {
  Names result;
  for (const auto& name : names) {
    if (*rc::gen::arbitrary<bool>()) result.push_back(name);
  }
  return result;
}

/// Kinds of candidates as clusters have them: a few lists, each of many VIPs, and some of their
/// own.
World anyWorld(const Names& nodes) {
  World world;
  std::vector<Names> lists{nodes};
  const int listCount = *rc::gen::inRange(0, 4);
  for (int i = 0; i < listCount; ++i) lists.push_back(someOf(nodes));
  const auto vipCount = *rc::gen::inRange(0U, 80U);
  for (unsigned i = 0; i < vipCount; ++i) {
    const auto list = *rc::gen::inRange<std::size_t>(0, lists.size() + 1);
    world.vips.push_back({vipNumber(2 * i), list < lists.size() ? lists[list] : someOf(nodes)});
  }
  return world;
}

struct Bound {
  double share = 0;
  int load = 0;
  [[nodiscard]] int mayKeep() const {
    return std::max(4, static_cast<int>(std::ceil(2 * share - 1e-6)));
  }
  [[nodiscard]] bool hasRoom() const { return load < std::ceil(1.25 * share - 1e-6); }
};

std::map<std::string, Bound> boundsOf(const std::vector<VipElection>& asked, const Owners& owners) {
  std::map<std::string, Bound> result;
  for (const auto& question : asked) {
    for (const auto& name : question.candidates) {
      result[name].share += 1.0 / static_cast<double>(question.candidates.size());
    }
    const auto owner = owners.find(question.vip);
    if (owner != owners.end()) ++result[owner->second].load;
  }
  return result;
}

void addOrRemoveOne(World& world, const Names& nodes) {
  const IpAddress address = vipNumber(*rc::gen::inRange(0U, 160U));
  const auto at = std::lower_bound(
      world.vips.begin(), world.vips.end(), address,
      [](const World::Vip& vip, const IpAddress& wanted) { return vip.address < wanted; });
  if (at == world.vips.end() || at->address != address) {
    world.vips.insert(at, {address, someOf(nodes)});
  } else {
    world.vips.erase(at);
    world.owners.erase(address);
  }
}

TEST(BoundedLoadElection, OneVipThatComesOrGoesMovesNoOther) {
  EXPECT_TRUE(rc::check([] {
    const auto nodes = nodeNames(*rc::gen::inRange(1, 12));
    World world = anyWorld(nodes);
    world.settle();
    addOrRemoveOne(world, nodes);
    const Owners before = world.owners;
    world.settle();
    RC_ASSERT(moved(before, world.owners) == 0);
  }));
}

TEST(BoundedLoadElection, OfAnyHistoryNothingMovesButFromAFullNodeToOneWithRoom) {
  EXPECT_TRUE(rc::check([] {
    const auto nodes = nodeNames(*rc::gen::inRange(1, 12));
    World world = anyWorld(nodes);
    for (int step = 0; step < 8; ++step) {
      const auto what = *rc::gen::inRange(0, 3);
      if (what == 0) {
        const auto& node = nodes[*rc::gen::inRange<std::size_t>(0, nodes.size())];
        if (world.away.erase(node) == 0) world.away.insert(node);
      } else {
        addOrRemoveOne(world, nodes);
      }
      const auto asked = world.asked();
      const Owners before = world.owners;
      world.settle();

      // Where all that may stay did.
      Owners stayed = world.owners;
      std::map<std::string, int> moves;
      for (const auto& question : asked) {
        if (!question.candidates.contains(question.holder)) continue;
        if (world.owners.at(question.vip) != question.holder) ++moves[question.holder];
        stayed[question.vip] = question.holder;
      }
      const auto bounds = boundsOf(asked, stayed);
      for (const auto& [node, count] : moves) {
        RC_ASSERT(count <= bounds.at(node).load - bounds.at(node).mayKeep());
      }
      // Within the bounds, or nobody who may has room.
      const auto after = boundsOf(asked, world.owners);
      for (const auto& question : asked) {
        if (question.candidates.empty()) continue;
        const std::string& owner = world.owners.at(question.vip);
        RC_ASSERT(question.candidates.contains(owner));
        if (after.at(owner).load <= after.at(owner).mayKeep()) continue;
        for (const auto& name : question.candidates) RC_ASSERT(!after.at(name).hasRoom());
      }
      // One round.
      RC_ASSERT(allotByShare(heldBy(asked, world.owners)) == world.owners);
    }
  }));
}

TEST(BoundedLoadElection, ANodeThatDiesMovesOnlyItsOwn) {
  EXPECT_TRUE(rc::check([] {
    const auto nodes = nodeNames(*rc::gen::inRange(2, 12));
    World world = anyWorld(nodes);
    world.settle();
    const auto& dead = nodes[*rc::gen::inRange<std::size_t>(0, nodes.size())];
    world.away.insert(dead);
    const Owners before = world.owners;
    world.settle();
    for (const auto& [vip, owner] : world.owners)
      RC_ASSERT(before.at(vip) == dead || before.at(vip) == owner);
  }));
}

}  // namespace
}  // namespace barevip::node::test
