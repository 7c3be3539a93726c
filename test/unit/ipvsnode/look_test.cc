// SPDX-License-Identifier: Apache-2.0
// A pass looks at what something changed for. Whatever changes, what it leaves in the kernel is
// what a daemon that looks at everything would leave there, too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cerrno>

#include "unit/ipvsnode/one_node.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;

/// A node whose cluster and kernel change in any way.
class AnyNode {
 public:
  explicit AnyNode(Placement placement) : placement_(placement), daemon_(world_, placement) {
    world_.sync();
    daemon_.reconcileOnce();
  }

  void changeCluster() { change(*rc::gen::inRange(0, 9)); }
  void changeAnything() { change(*rc::gen::inRange(0, 11)); }

  void reconcileOnce() {
    daemon_.reconciler->wake();
    daemon_.reconcileOnce();
    world_.clock.advance(*rc::gen::element<std::chrono::milliseconds>(10ms, 1s, 2s));
  }

  /// Everything works again, and what drains has drained.
  void settle() {
    world_.ipvs.setOpFault(nullptr);
    world_.node.setOpFault(nullptr);
    world_.filter.setError(std::nullopt);
    for (int i = 0; i < 4; ++i) {
      daemon_.renew("n2");
      daemon_.reconcileOnce();
      world_.clock.advance(61s);
    }
    daemon_.reconcileOnce();
    (void)world_.takeWrites();
  }

  /// What the kernel has and should not, or lacks, of VIPs that have an owner; with every change
  /// taken, and without a look at everything since.
  std::string amiss() {
    const ClusterState cluster = world_.stores.snapshot();
    const DesiredState desired = computeDesired(cluster, options(placement_), {});
    std::map<ipvs::VirtualServerKey, std::vector<ipvs::RealServerKey>> taking;
    for (const auto& server : world_.ipvs.table()) {
      auto& reals = taking[server.key];
      for (const auto& real : server.realServers) {
        if (real.weight > 0) reals.push_back(real.key);
      }
    }
    const auto items = world_.node.owned();
    for (const ServedVip& vip : desired.vips) {
      const bool owned = std::any_of(vip.ipObjects.begin(), vip.ipObjects.end(),
                                     [](const auto& one) { return !one->status.node.empty(); });
      if (!owned) std::erase_if(taking, [&](const auto& e) { return e.first.vip == vip.address; });
      if (!owned || vip.byKubeProxy) continue;
      for (const auto& [item, whose] : desired.nodeObjects) {
        const bool isThere = std::find(items.begin(), items.end(), item) != items.end();
        if (whose == Beneficiary(vip.address) && !isThere) return "no " + net::toString(item);
      }
      for (const auto& server : desired.virtualServers) {
        if (server.key.vip != vip.address) continue;
        std::vector<ipvs::RealServerKey> wanted;
        for (const auto& real : server.realServers) wanted.push_back(real.key);
        const auto there = taking.find(server.key);
        if (there == taking.end()) return "no " + ipvs::toString(server.key);
        if (there->second != wanted) return "other real servers of " + ipvs::toString(server.key);
        taking.erase(there);
      }
    }
    return taking.empty() ? "" : "leftover " + ipvs::toString(taking.begin()->first);
  }

  /// How many writes a daemon needs that begins now and sees all.
  std::size_t writesOfAnother() {
    Daemon another(world_, placement_);
    for (int i = 0; i < 3; ++i) {
      another.renew("n2");
      another.reconcileOnce();
    }
    return world_.takeWrites();
  }

 private:
  void change(int what) {
    switch (what) {
      case 0:
      case 1:
        return world_.stores.services.put(anyService());
      case 2:
        return world_.stores.services.erase({"default", anyName()});
      case 3:
      case 4:
        return world_.stores.slices.put(anySlice());
      case 5:
        return world_.stores.slices.erase({"default", anyName() + "-4"});
      case 6:
      case 7:
        return world_.stores.ipObjects.put(
            ipObject(anyName(), anyAddress(), *rc::gen::element<std::string>("", "n1", "n2")));
      case 8:
        return daemon_.renew("n2");
      case 9:
        return takeAway();
      default:
        return refuse();
    }
  }

  static bool any() { return *rc::gen::arbitrary<bool>(); }
  static std::string anyName() { return *rc::gen::element<std::string>("a", "b", "c"); }
  static std::string anyAddress() {
    return *rc::gen::element<std::string>("192.0.2.1", "192.0.2.2", "2001:db8::1");
  }

  static model::Service anyService() {
    model::Service result = service(anyName(), {anyAddress(), anyAddress()});
    if (any()) result.ports[0].port = 81;
    if (any()) result.sourceRanges = {"198.51.100.0/24"};
    if (any()) result = local(std::move(result));
    if (*rc::gen::inRange(0, 4) == 0) result.forward = model::ForwardMode::kKubeProxy;
    if (result.forward == model::ForwardMode::kKubeProxy) {
      for (auto& entry : result.ingress) entry.ipMode = "VIP";
    }
    return result;
  }

  static model::EndpointSlice anySlice() {
    const auto address = [] {
      return *rc::gen::element<std::string>("10.1.0.1", "10.1.0.2", "10.1.0.3", "192.0.2.2");
    };
    return slice(anyName(), {{address(), "n1", any()}, {address(), "n2"}});
  }

  /// By hand, from the kernel.
  void takeAway() {
    if (any()) {
      const auto items = world_.node.owned();
      if (items.empty()) return;
      world_.node.remove(items[*rc::gen::inRange<std::size_t>(0, items.size())]);
      return daemon_.reconciler->networkChanged();
    }
    const auto table = world_.ipvs.table();
    if (table.empty()) return;
    world_.ipvs.remove(table[*rc::gen::inRange<std::size_t>(0, table.size())].key);
  }

  void refuse() {
    const int pick = *rc::gen::inRange(0, 4);
    const auto ofOneKind = [pick](const auto& op) {
      return (op.kind == decltype(op.kind){}) == (pick == 0) ? EINVAL : 0;
    };
    if (pick == 3) {
      world_.ipvs.setOpFault(nullptr);
      world_.node.setOpFault(nullptr);
      world_.filter.setError(std::nullopt);
    } else if (pick == 2) {
      world_.filter.setError(Error{ErrorCode::kUnavailable, "busy", 0, {}});
    } else if (any()) {
      world_.ipvs.setOpFault(ofOneKind);
    } else {
      world_.node.setOpFault(ofOneKind);
    }
  }

  const Placement placement_;
  World world_;
  Daemon daemon_;
};

class Look : public testing::TestWithParam<Placement> {};

TEST_P(Look, FindsAllThatAChangeOfTheClusterConcerns) {
  EXPECT_TRUE(rc::check([] {
    AnyNode node(GetParam());
    const int steps = *rc::gen::inRange(1, 14);  // within a resync
    for (int i = 0; i < steps; ++i) {
      node.changeCluster();
      if (*rc::gen::arbitrary<bool>()) continue;
      node.reconcileOnce();
      RC_ASSERT(node.amiss() == "");
    }
  }));
}

TEST_P(Look, LeavesNothingToDoForOneThatSeesAll) {
  EXPECT_TRUE(rc::check([] {
    AnyNode node(GetParam());
    const int steps = *rc::gen::inRange(1, 25);
    for (int i = 0; i < steps; ++i) {
      node.changeAnything();
      if (*rc::gen::arbitrary<bool>()) node.reconcileOnce();
    }
    node.settle();
    RC_ASSERT(node.writesOfAnother() == 0U);
  }));
}

INSTANTIATE_TEST_SUITE_P(Placements, Look, testing::Values(Placement::kDirector, Placement::kHost),
                         [](const auto& of) {
                           return of.param == Placement::kHost ? "host" : "director";
                         });

}  // namespace
}  // namespace barevip::node::test
