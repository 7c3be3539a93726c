// SPDX-License-Identifier: Apache-2.0
// What a node does while the kernel refuses changes, beyond single ones (announced_served_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "unit/ipvsnode/one_node.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

int refuseAll(const ipvs::Op& /*op*/) { return ENOMEM; }

class Refusals : public testing::Test {
 protected:
  Refusals() {
    world_.sync();
    daemon_.emplace(world_);
  }

  void put(const std::string& pod, const std::string& node, const std::string& holder) {
    world_.stores.services.put(local(service("web", {"192.0.2.1"})));
    world_.stores.slices.put(slice("web", {{pod, node}}));
    world_.stores.ipObjects.put(ipObject("web", "192.0.2.1", holder));
  }

  void reconcileOnce() {
    daemon_->renew("n2");
    daemon_->reconciler->wake();
    daemon_->reconcileOnce();
  }

  [[nodiscard]] bool announces() const {
    const auto items = world_.node.owned();
    return std::find(items.begin(), items.end(), announcementOf(ip("192.0.2.1"), options())) !=
           items.end();
  }

  World world_;
  std::optional<Daemon> daemon_;
};

TEST_F(Refusals, AVipWhoseOnlyRealServerIsOneThatShouldGoIsNotAnnounced) {
  put("10.1.0.2", "n2", "n2");
  reconcileOnce();
  ASSERT_FALSE(announces());
  world_.ipvs.setOpFault(refuseAll);
  put("10.1.0.1", "n1", "n1");
  reconcileOnce();
  EXPECT_FALSE(announces()) << "its pod on n2 is gone";
  world_.clock.advance(6s);
  reconcileOnce();
  world_.clock.advance(6s);
  reconcileOnce();
  ASSERT_TRUE(daemon_->eligibility);
  EXPECT_THAT(daemon_->eligibility->blocked, Contains(ip("192.0.2.1"))) << "others take it over";
  world_.ipvs.setOpFault(nullptr);
  world_.clock.advance(31s);
  reconcileOnce();
  EXPECT_TRUE(announces());
}

TEST_F(Refusals, ARealServerThatIsTriedLaterStillKeepsItsVipFromBeingAnnounced) {
  const auto refuseSecond = [](const ipvs::Op& op) {
    return op.realServer.address == ip("10.1.0.1") ? ENOMEM : 0;
  };
  world_.ipvs.setOpFault(refuseSecond);
  world_.stores.services.put(service("web", {"192.0.2.1"}));
  world_.stores.slices.put(slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
  world_.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n2"));
  reconcileOnce();
  world_.stores.slices.put(slice("web", {{"10.1.0.1", "n1"}}));
  world_.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n1"));
  reconcileOnce();  // that one is not due yet, and the other has drained away
  EXPECT_FALSE(announces());
}

TEST_F(Refusals, ClientsKeepTheirAddressOnlyOnceTheRemoteRealServersAreGone) {
  put("10.1.0.2", "n2", "n2");
  reconcileOnce();
  ASSERT_THAT(world_.filter.state()->keepClient, IsEmpty());
  world_.ipvs.setOpFault(refuseAll);
  put("10.1.0.1", "n1", "n2");
  reconcileOnce();
  EXPECT_THAT(world_.filter.state()->keepClient, IsEmpty())
      << "without masquerading the answers of the pod on n2 would not come back here";
  world_.ipvs.setOpFault(nullptr);
  world_.clock.advance(31s);
  reconcileOnce();
  EXPECT_THAT(world_.filter.state()->keepClient, SizeIs(1));
}

TEST_F(Refusals, WhatWaitedForAnotherFollowsItWithinASecond) {
  world_.stores.services.put(service("web", {"192.0.2.1"}));
  world_.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n1"));
  reconcileOnce();
  world_.ipvs.setOpFault(refuseAll);
  world_.stores.slices.put(slice("web", {{"10.1.0.1", "n1"}}));
  for (int i = 0; i < 20; ++i) {  // it is tried ever more seldom
    reconcileOnce();
    world_.clock.advance(10s);
  }
  world_.ipvs.clear();
  for (int i = 0; i < 8; ++i) {
    reconcileOnce();
    world_.clock.advance(10s);
  }
  world_.ipvs.setOpFault(nullptr);
  for (int i = 0; i < 31 && world_.ipvs.table().empty(); ++i) {
    reconcileOnce();
    world_.clock.advance(1s);
  }
  ASSERT_THAT(world_.ipvs.table(), SizeIs(1));
  reconcileOnce();
  EXPECT_THAT(world_.ipvs.table().at(0).realServers, SizeIs(1));
}

TEST_F(Refusals, NoneOfThemIsReasonForPassesWithoutAnEnd) {
  world_.filter.setError(Error{ErrorCode::kUnavailable, "busy", 0, {}});
  world_.ipvs.setOpFault(refuseAll);
  put("10.1.0.2", "n2", "n2");
  reconcileOnce();
  put("10.1.0.1", "n1", "n1");
  for (int i = 0; i < 40; ++i) {
    daemon_->renew("n1");
    daemon_->renew("n2");
    const MonotonicTime now = world_.clock.now();
    const MonotonicTime next = daemon_->reconciler->reconcileOnce();
    ASSERT_GT(next, now) << "pass " << i;
    world_.clock.advance(std::chrono::ceil<std::chrono::milliseconds>(next - now));
  }
}

TEST_F(Refusals, SourceRangesAreNotWidenedTowardsAPodThatCouldNotBeRetired) {
  const auto admitting = [](const char* range) {
    model::Service web = service("web", {"192.0.2.1"});
    web.sourceRanges = {range};
    return web;
  };
  const auto admitted = [this] {
    return world_.filter.state().value().sourceRanges.front().allowed;
  };
  put("10.1.0.1", "n1", "n1");
  world_.stores.services.put(admitting("10.0.0.0/8"));
  reconcileOnce();
  world_.ipvs.setOpFault([](const ipvs::Op& op) {
    return op.kind == ipvs::Op::Kind::kSetRealServer && op.weight == 0 ? ENOMEM : 0;
  });
  world_.stores.services.put(admitting("10.0.0.0/7"));
  world_.stores.slices.put(slice("web", {{"10.1.0.2", "n1"}}));
  reconcileOnce();
  EXPECT_THAT(admitted(), ElementsAre(IpPrefix::parse("10.0.0.0/8").value()));
  world_.clock.advance(2s);
  reconcileOnce();
  EXPECT_THAT(admitted(), ElementsAre(IpPrefix::parse("10.0.0.0/8").value())) << "nor later";
  world_.ipvs.setOpFault(nullptr);
  world_.clock.advance(5s);
  reconcileOnce();
  EXPECT_THAT(admitted(), ElementsAre(IpPrefix::parse("10.0.0.0/7").value()));
}

TEST(RefusalsOnTheHost, TheAddressThatMarksAVirtualServerStaysWithIt) {
  World world;
  world.sync();
  world.addWeb();
  std::optional<Daemon> daemon;
  daemon.emplace(world, Placement::kHost);
  daemon->reconcileOnce();
  world.ipvs.setOpFault(refuseAll);
  world.stores.services.erase({"default", "web"});
  daemon.emplace(world, Placement::kHost);
  daemon->reconcileOnce();
  ASSERT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_THAT(world.node.owned(), Contains(net::BoundAddress{ip("192.0.2.1"), net::kDummyDevice}));
  world.ipvs.setOpFault(nullptr);
  daemon.emplace(world, Placement::kHost);
  daemon->reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), IsEmpty());
  EXPECT_THAT(world.node.owned(), IsEmpty());
}

TEST(RefusalsOnTheHost, VirtualServersWaitForTheAddressThatMarksThem) {
  World world;
  world.sync();
  const auto refuseDummy = [](const net::NetOp& op) {
    const auto* address = std::get_if<net::BoundAddress>(&op.item);
    return address != nullptr && address->device == net::kDummyDevice ? ENOMEM : 0;
  };
  world.node.setOpFault(refuseDummy);
  world.addWeb();
  {
    Daemon first(world, Placement::kHost);
    first.reconcileOnce();
    EXPECT_THAT(world.ipvs.table(), IsEmpty());
  }
  world.node.setOpFault(nullptr);
  Daemon second(world, Placement::kHost);
  second.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_THAT(second.lastReport.problems, IsEmpty()) << "its own is not taken for another's";
}

}  // namespace
}  // namespace barevip::node::test
