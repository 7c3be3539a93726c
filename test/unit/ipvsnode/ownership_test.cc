// SPDX-License-Identifier: Apache-2.0
// NodeReconcilers of several nodes that see each other's Leases and records: who announces, and for
// how long two or nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <random>

#include "fakes/fake_announcer.h"
#include "fakes/fake_kernel.h"
#include "fakes/fake_packet_filter.h"
#include "fakes/fake_rtnetlink.h"
#include "fakes/manual_clock.h"
#include "ipvsnode/reconcile/node_reconciler.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using net::BoundAddress;
using net::NetObject;
using net::NetOp;
using net::ProxyNeighbour;

constexpr auto kStep = 500ms;
const IpAddress kVip = ip("192.0.2.1");
const NetObject kProxy = ProxyNeighbour{kVip, "eth0"};
const NetObject kForeignAddress = BoundAddress{kVip, "eth0"};

std::string joined(const std::set<IpAddress>& vips) {
  std::string text;
  for (const IpAddress& vip : vips) text += vip.toString() + ",";
  return text;
}

/// A node with its kernel and its daemon.
struct Member {
  std::string name;
  fakes::FakeKernel ipvs;
  fakes::FakeRtnetlink node;
  fakes::FakeRtnetlink director;
  fakes::FakePacketFilter filter;
  fakes::FakeAnnouncer network;
  Liveness liveness;
  obs::Registry metrics;
  NodeReport report;
  std::vector<IpAddress> asked;
  std::optional<Eligibility> eligibility;
  bool tells = true;  ///< false: of a version that tells nothing of its eligibility
  bool renewNow = true;
  MonotonicTime renewed;
  std::optional<NodeReconciler> reconciler;

  Member(std::string called, Stores& stores, const Clock& clock)
      : name(std::move(called)), liveness(name) {
    for (const char* device : {"eth0", "barevip0", "bvip-in", "bvip-out"}) node.addDevice(device);
    director.addDevice("lo");
    NodeReconcilerOptions with;
    with.desired = options();
    with.desired.nodeName = name;
    NodeReconcilerHooks hooks;
    hooks.probe = [this](const Questions& all) {
      asked.insert(asked.end(), all.ask.begin(), all.ask.end());
    };
    hooks.report = [this](const NodeReport& news) { report = news; };
    hooks.able = [this](const Eligibility& able) {
      eligibility = able;
      renewNow = true;
    };
    reconciler.emplace(KernelWriters{ipvs, node, &director, {&filter}}, network, stores, liveness,
                       clock, metrics, with, hooks);
  }

  [[nodiscard]] bool announces() const { return has(node.owned(), kProxy); }
  [[nodiscard]] bool foreignAnswers() const { return has(node.foreign(), kForeignAddress); }

  void refuseFilter(bool refuse) {
    filter.setError(refuse ? std::optional(Error{ErrorCode::kUnavailable, "busy", 0, {}})
                           : std::nullopt);
  }

  static bool has(const std::vector<NetObject>& items, const NetObject& item) {
    return std::find(items.begin(), items.end(), item) != items.end();
  }
};

class Cluster {
 public:
  explicit Cluster(std::size_t size) {
    stores_.services.replaceAll({});
    stores_.slices.replaceAll({});
    stores_.ipObjects.replaceAll({ipObject("web", "192.0.2.1", "n1")});
    stores_.pools.replaceAll({});
    std::vector<model::Node> nodes;
    for (std::size_t i = 1; i <= size; ++i) {
      const std::string number = std::to_string(i);
      nodes.push_back(test::node("n" + number, "10.0.0." + number));
      members_.emplace_back("n" + number, stores_, clock_);
    }
    stores_.nodes.replaceAll(std::move(nodes));
    stores_.services.put(service_);
    stores_.slices.put(slice("web", {{"10.1.0.1", "n1"}}));
    pass(10s);
  }

  /// Its pods are on n1.
  void makeLocal() {
    service_ = local(service_);
    stores_.services.put(service_);
  }

  void pass(std::chrono::milliseconds time) {
    for (auto gone = 0ms; gone < time; gone += kStep) step();
  }

  void step() {
    clock_.advance(kStep);
    if (busy) changePorts();
    for (Member& one : members_) renew(one);
    for (Member& one : members_) one.reconciler->reconcileOnce();
    for (Member& one : members_) answer(one);
    for (Member& one : members_) record(one);
    const auto two = announcing() > 1;
    const auto none = announcing() == 0;
    twoFor = two ? twoFor + kStep : 0ms;
    noneFor = none ? noneFor + kStep : 0ms;
    longestTwo = std::max(longestTwo, twoFor);
    longestNone = std::max(longestNone, noneFor);
  }

  Member& at(std::size_t i) { return members_[i]; }
  std::deque<Member>& members() { return members_; }
  std::string holder() { return stores_.ipObjects.get({"default", "web-192.0.2.1"})->status.node; }

  bool busy = false;  ///< the Service changes all the time, and with it the packet filter
  int moves = 0;      ///< of the record
  std::chrono::milliseconds twoFor{0};
  std::chrono::milliseconds noneFor{0};
  std::chrono::milliseconds longestTwo{0};
  std::chrono::milliseconds longestNone{0};

 private:
  void changePorts() {
    service_.ports.resize(1);
    if (steps_++ % 2 == 0) service_.ports.push_back({"http", model::Protocol::kTcp, 81, 0});
    stores_.services.put(service_);
  }

  void renew(Member& one) {
    if (!std::exchange(one.renewNow, false) && clock_.now() < one.renewed + kRenewInterval) return;
    one.renewed = clock_.now();
    model::Lease lease;
    lease.holder = one.name;
    lease.renewTime = std::to_string(++renewals_);
    lease.annotations[kInterfaceAnnotation] = "eth0";
    if (one.tells) {
      const Eligibility eligibility = one.eligibility.value_or(Eligibility{});
      lease.annotations[kFamiliesAnnotation] = kBothFamilies;
      lease.annotations[kBlockedAnnotation] =
          eligibility.serving ? joined(eligibility.blocked) : kBlockedAll;
      lease.annotations[kHeldAnnotation] = joined(eligibility.held);
    }
    for (Member& other : members_) other.liveness.saw(lease, clock_.now());
  }

  void answer(Member& one) {
    for (const IpAddress& address : std::exchange(one.asked, {})) {
      std::optional<std::string> mac;
      for (const Member& other : members_) {
        if (&other == &one || address != kVip) continue;
        if (other.announces() || other.foreignAnswers()) mac = "02:" + other.name;
      }
      one.reconciler->answered(address, mac);
    }
  }

  void record(const Member& one) {
    for (const auto& [key, vip] : one.report.ipObjects) {
      model::IpObject now = *stores_.ipObjects.get(key);
      const std::string& named = now.status.node;
      if (!vip.announced || named == one.name || (!named.empty() && named != vip.holder)) continue;
      now.status.node = one.name;
      stores_.ipObjects.put(now);
      ++moves;
    }
  }

  std::ptrdiff_t announcing() const {
    return std::count_if(members_.begin(), members_.end(),
                         [](const Member& one) { return one.announces(); });
  }

  ManualClock clock_;
  Stores stores_;
  model::Service service_ = service("web", {"192.0.2.1"});
  std::deque<Member> members_;
  int renewals_ = 0;
  int steps_ = 0;
};

TEST(OwnersOfACluster, ANodeWithoutItsPacketFilterHandsOverWithoutAGap) {
  Cluster cluster(2);
  ASSERT_TRUE(cluster.at(0).announces());
  cluster.at(0).refuseFilter(true);
  cluster.longestNone = 0ms;
  cluster.pass(60s);
  EXPECT_TRUE(cluster.at(1).announces());
  EXPECT_EQ(cluster.longestNone, 0ms);
  EXPECT_LE(cluster.longestTwo, 2 * kStep);
  EXPECT_EQ(cluster.moves, 1);
}

TEST(OwnersOfACluster, AVipStaysAnnouncedWhenAllLoseTheirPacketFiltersOneAfterTheOther) {
  for (auto lag = 0ms; lag <= 10s; lag += 2 * kStep) {
    Cluster cluster(2);
    cluster.busy = true;
    cluster.longestNone = 0ms;
    cluster.at(0).refuseFilter(true);
    cluster.pass(lag);
    cluster.at(1).refuseFilter(true);
    cluster.pass(40s);
    EXPECT_EQ(cluster.longestNone, 0ms) << "after " << lag.count() << " ms";
    EXPECT_EQ(cluster.twoFor, 0ms) << "after " << lag.count() << " ms";
  }
}

TEST(OwnersOfACluster, APacketFilterThatComesAndGoesMovesAVipOnce) {
  Cluster cluster(2);
  cluster.makeLocal();
  cluster.busy = true;
  for (int i = 0; i < 10; ++i) {
    cluster.at(0).refuseFilter(true);
    cluster.pass(8s);
    cluster.at(0).refuseFilter(false);
    cluster.pass(16s);
  }
  EXPECT_EQ(cluster.moves, 1);
  cluster.pass(kRiseTime + 40s);
  EXPECT_EQ(cluster.moves, 2) << "back to where the pods are";
  EXPECT_TRUE(cluster.at(0).announces());
}

TEST(OwnersOfACluster, AnAddressThatSomethingElseAnswersForIsNotFoughtFor) {
  Cluster cluster(2);
  cluster.at(0).node.addForeign(kForeignAddress);
  cluster.at(0).reconciler->networkChanged();
  cluster.pass(60s);
  EXPECT_FALSE(cluster.at(0).announces());
  EXPECT_FALSE(cluster.at(1).announces());
  EXPECT_TRUE(cluster.at(1).report.ipObjects.begin()->second.conflictMac);
  cluster.at(0).node.remove(kForeignAddress);
  cluster.pass(kConflictRetry + 2s);
  EXPECT_TRUE(cluster.at(1).announces());
}

TEST(OwnersOfACluster, AnOlderDaemonThatWouldNotTakeOverLeavesTheVipWhereItIs) {
  Cluster cluster(2);
  cluster.at(1).tells = false;
  cluster.pass(4s);
  cluster.longestNone = 0ms;
  cluster.at(0).refuseFilter(true);
  cluster.pass(60s);
  EXPECT_TRUE(cluster.at(0).announces());
  EXPECT_EQ(cluster.longestNone, 0ms);
}

enum class Trouble : std::uint8_t { kNone, kFilter, kAnnouncement, kVirtualServers, kForeign };

void give(Member& one, Trouble trouble) {
  one.refuseFilter(trouble == Trouble::kFilter);
  if (trouble == Trouble::kForeign) {
    one.node.addForeign(kForeignAddress);
  } else {
    one.node.remove(kForeignAddress);
  }
  one.reconciler->networkChanged();
  one.node.setOpFault([trouble](const NetOp& op) {
    const bool announces = op.item == kProxy && op.kind == NetOp::Kind::kAdd;
    return trouble == Trouble::kAnnouncement && announces ? EINVAL : 0;
  });
  one.ipvs.setOpFault(
      [trouble](const ipvs::Op&) { return trouble == Trouble::kVirtualServers ? ENOMEM : 0; });
}

class RandomTroubles : public testing::TestWithParam<unsigned> {
 protected:
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  Member& any(Cluster& cluster) { return cluster.at(below(3)); }

 private:
  std::mt19937 random_{GetParam()};
};

TEST_P(RandomTroubles, ANodeThatIsWellAnnouncesAndNeverTwoForLong) {
  Cluster cluster(3);
  cluster.busy = below(2) == 0;
  if (below(2) == 0) cluster.makeLocal();
  for (int i = 0; i < 12; ++i) {
    give(any(cluster), Trouble{static_cast<std::uint8_t>(below(5))});
    cluster.pass((1 + below(40)) * kStep);
  }
  EXPECT_LE(cluster.longestTwo, 2 * kStep);
  for (Member& one : cluster.members()) give(one, Trouble{static_cast<std::uint8_t>(1 + below(3))});
  give(any(cluster), Trouble::kNone);
  // The full read that finds the trouble, the patience of each, and the recovery of the one.
  cluster.pass(30s + 3 * kFallTime + kRiseTime + 30s);
  EXPECT_EQ(cluster.noneFor, 0ms);
  EXPECT_EQ(cluster.twoFor, 0ms);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTroubles, testing::Range(1U, 13U));

}  // namespace
}  // namespace barevip::node::test
