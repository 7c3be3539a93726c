// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/plan/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "fakes/fake_kernel.h"
#include "fakes/fake_rtnetlink.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using fakes::FakeKernel;
using fakes::FakeRtnetlink;
using ipvs::Op;
using ipvs::VirtualServer;
using net::BoundAddress;
using net::NetObject;
using net::NetOp;
using net::ProxyNeighbour;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const MonotonicTime kStart{1000s};

VirtualServer server(const ipvs::VirtualServerKey& key,
                     std::initializer_list<ipvs::RealServer> reals, const std::string& how = "rr") {
  return {key, {how, 0, 0}, reals};
}

ipvs::RealServer weighted(const std::string& address, std::uint32_t weight,
                          std::uint32_t active = 0) {
  ipvs::RealServer result{real(address), weight};
  result.activeConnections = active;
  return result;
}

KernelState kernelWith(std::initializer_list<VirtualServer> servers) {
  KernelState state;
  for (const VirtualServer& one : servers) state.virtualServers.emplace(one.key, one);
  state.filter = net::FilterState{};
  state.fresh = true;
  return state;
}

DesiredState desiredWith(std::initializer_list<VirtualServer> servers) {
  DesiredState state;
  state.virtualServers = servers;
  return state;
}

DiffContext at(MonotonicTime now = kStart, Draining draining = {}) {
  DiffContext context;
  context.now = now;
  context.draining = std::move(draining);
  context.drainTimeout = 60s;
  return context;
}

std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> result;
  for (const Step& step : plan.steps) {
    if (const auto* ipvsStep = std::get_if<IpvsStep>(&step)) {
      for (const Op& op : ipvsStep->ops) result.push_back(ipvs::toString(op));
    } else if (const auto* links = std::get_if<NetStep>(&step)) {
      for (const auto& [op, beneficiary] : links->changes) {
        result.push_back(std::string(op.kind == NetOp::Kind::kAdd ? "add " : "delete ") +
                         (links->where == NetStep::Where::kDirector ? "director " : "node ") +
                         net::toString(op.item));
      }
    } else {
      result.emplace_back("filter");
    }
  }
  return result;
}

std::vector<Op> ipvsOps(const Plan& plan) {
  std::vector<Op> result;
  for (const Step& step : plan.steps) {
    if (const auto* one = std::get_if<IpvsStep>(&step)) {
      result.insert(result.end(), one->ops.begin(), one->ops.end());
    }
  }
  return result;
}

Op op(Op::Kind kind, const ipvs::VirtualServerKey& key, const std::string& address,
      std::uint32_t weight) {
  return {kind, key, {}, real(address), weight};
}

const ipvs::VirtualServerKey kWeb = tcp("192.0.2.1", 80);
const ipvs::VirtualServerKey kDns = udp("192.0.2.1", 53);

// What is as it should be is not written.

TEST(Diff, OfEqualStatesIsEmpty) {
  const auto there = server(kWeb, {weighted("10.1.0.1", 1, 7)});
  const Plan plan =
      diff(desiredWith({server(kWeb, {weighted("10.1.0.1", 1)})}), kernelWith({there}), at());
  EXPECT_THAT(plan.steps, IsEmpty());
}

TEST(Diff, IgnoresThePersistenceTimeOfWhatIsNotPersistent) {
  VirtualServer there = server(kWeb, {});
  there.options.persistenceSeconds = 300;
  EXPECT_THAT(diff(desiredWith({server(kWeb, {})}), kernelWith({there}), at()).steps, IsEmpty());
}

// Changes happen in place.

TEST(Diff, OptionsChangeByASet) {
  const Plan plan =
      diff(desiredWith({server(kWeb, {}, "lc")}), kernelWith({server(kWeb, {})}), at());
  ASSERT_EQ(ipvsOps(plan).size(), 1U);
  EXPECT_EQ(ipvsOps(plan)[0].kind, Op::Kind::kSetVirtualServer);
  EXPECT_EQ(ipvsOps(plan)[0].options.scheduler, "lc");
}

TEST(Diff, AWeightThatSomebodyChangedIsSetBack) {
  const Plan plan = diff(desiredWith({server(kWeb, {weighted("10.1.0.1", 1)})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 5)})}), at());
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kSetRealServer, kWeb, "10.1.0.1", 1)));
}

TEST(Diff, AnotherForwardingMethodIsSetBack) {
  ipvs::RealServer tunnel = weighted("10.1.0.1", 1);
  tunnel.foreignMethod = true;
  const Plan plan = diff(desiredWith({server(kWeb, {weighted("10.1.0.1", 1)})}),
                         kernelWith({server(kWeb, {tunnel})}), at());
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kSetRealServer, kWeb, "10.1.0.1", 1)));
}

TEST(Diff, NewRealServersComeBeforeOldOnesDrain) {
  const Plan plan = diff(desiredWith({server(kWeb, {weighted("10.1.0.2", 1)})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 1)})}), at());
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kAddRealServer, kWeb, "10.1.0.2", 1),
                                         op(Op::Kind::kSetRealServer, kWeb, "10.1.0.1", 0)));
}

// Draining.

TEST(Drain, ATcpEndpointGetsWeightZeroFirstThoughItLooksIdle) {
  const Plan plan = diff(desiredWith({server(kWeb, {})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 1)})}), at());
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kSetRealServer, kWeb, "10.1.0.1", 0)));
  EXPECT_EQ(plan.nextDeadline, kStart + 60s);
}

TEST(Drain, StaysAtWeightZeroWhileItHasConnections) {
  const Plan plan = diff(desiredWith({server(kWeb, {})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 0, 3)})}),
                         at(kStart + 10s, {{{kWeb, real("10.1.0.1")}, kStart}}));
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_EQ(plan.nextDeadline, kStart + 60s);
}

TEST(Drain, EndsWhenTheLastConnectionEnded) {
  const Plan plan = diff(desiredWith({server(kWeb, {})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 0)})}), at());
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kDeleteRealServer, kWeb, "10.1.0.1", 0)));
  EXPECT_EQ(plan.nextDeadline, std::nullopt) << "nothing is to be waited for";
}

TEST(Drain, DoesNotTrustCountsThatAreNotFresh) {
  KernelState kernel = kernelWith({server(kWeb, {weighted("10.1.0.1", 0)})});
  kernel.fresh = false;
  EXPECT_THAT(diff(desiredWith({server(kWeb, {})}), kernel, at()).steps, IsEmpty());
}

TEST(Drain, EndsAtTheDeadlineWhateverIsOpen) {
  const Plan plan = diff(desiredWith({server(kWeb, {})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 0, 3)})}),
                         at(kStart + 60s, {{{kWeb, real("10.1.0.1")}, kStart}}));
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kDeleteRealServer, kWeb, "10.1.0.1", 0)));
}

TEST(Drain, ADeleteThatTheKernelRefusedIsTriedAgainWithoutTheTimeAnew) {
  const auto wanted = desiredWith({server(kWeb, {})});
  const auto kernel = kernelWith({server(kWeb, {weighted("10.1.0.1", 0, 3)})});
  Draining draining{{{kWeb, real("10.1.0.1")}, kStart}};
  for (const auto later : {60s, 61s}) {
    Plan plan = diff(wanted, kernel, at(kStart + later, draining));
    EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kDeleteRealServer, kWeb, "10.1.0.1", 0)));
    draining = std::move(plan.draining);
    forgetGone(draining, kernel);
  }
  forgetGone(draining, kernelWith({server(kWeb, {})}));
  EXPECT_THAT(draining, IsEmpty());
}

TEST(Drain, ARestartGivesTheFullTimeAgain) {
  const Plan plan = diff(desiredWith({server(kWeb, {})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 0, 3)})}), at(kStart));
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_EQ(plan.nextDeadline, kStart + 60s);
}

TEST(Drain, AnEndpointThatReturnsGetsItsWeightBackBySet) {
  const Plan plan = diff(desiredWith({server(kWeb, {weighted("10.1.0.1", 1)})}),
                         kernelWith({server(kWeb, {weighted("10.1.0.1", 0, 3)})}),
                         at(kStart + 10s, {{{kWeb, real("10.1.0.1")}, kStart}}));
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kSetRealServer, kWeb, "10.1.0.1", 1)));
  EXPECT_THAT(plan.draining, IsEmpty());
}

TEST(Drain, AUdpEndpointIsDeletedAtOnce) {
  const Plan plan = diff(desiredWith({server(kDns, {})}),
                         kernelWith({server(kDns, {weighted("10.1.0.1", 1, 3)})}), at());
  EXPECT_THAT(ipvsOps(plan), ElementsAre(op(Op::Kind::kDeleteRealServer, kDns, "10.1.0.1", 0)));
}

// Order.

DesiredState desiredOf(const ClusterBuilder& cluster, const DesiredOptions& with,
                       std::initializer_list<std::string> owned) {
  DesiredState state = computeDesired(cluster.state, with, {});
  for (const auto& vip : owned) state.announcements.emplace(ip(vip), announcementOf(ip(vip), with));
  return state;
}

KernelState holding(const DesiredState& desired) {
  KernelState state;
  for (const auto& one : desired.virtualServers) state.virtualServers.emplace(one.key, one);
  state.nodeObjects = wantedOnNode(desired);
  state.balancerObjects = itemsOf(desired.balancerObjects);
  state.filter = desired.filter;
  state.fresh = true;
  return state;
}

ClusterBuilder web() {
  return ClusterBuilder().add(service("web", {"192.0.2.1"})).add(slice("web", {{"10.1.0.1"}}));
}

TEST(Order, ForwardingStandsBeforeTheVipIsAnnounced) {
  const DesiredState before = desiredOf(ClusterBuilder(), options(), {});
  const Plan plan = diff(desiredOf(web(), options(), {"192.0.2.1"}), holding(before), at());
  const auto lines = texts(plan);
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(lines[0], "filter");
  EXPECT_THAT(lines[1], HasSubstr("add director address 192.0.2.1"));
  EXPECT_THAT(lines[2], HasSubstr("192.0.2.1:80"));
  EXPECT_THAT(lines[3], HasSubstr("10.1.0.1:8080"));
  EXPECT_THAT(lines[4], HasSubstr("add node route 192.0.2.1"));
  EXPECT_THAT(lines[5], HasSubstr("add node route 192.0.2.1"));
  EXPECT_THAT(lines[6], HasSubstr("add node"));
  EXPECT_TRUE(isAnnouncement(std::get<NetStep>(plan.steps.back()).changes[0].op.item));
}

TEST(Order, TheVipIsWithdrawnBeforeForwardingGoesAndAddressesGoLast) {
  const DesiredState before = desiredOf(web(), options(), {"192.0.2.1"});
  const Plan plan = diff(desiredOf(ClusterBuilder(), options(), {}), holding(before), at());
  const auto lines = texts(plan);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_TRUE(isAnnouncement(std::get<NetStep>(plan.steps.front()).changes[0].op.item));
  EXPECT_EQ(lines[1], "filter");
  EXPECT_THAT(lines[2], HasSubstr("192.0.2.1:80"));
  EXPECT_THAT(lines[3], HasSubstr("delete node route"));
  EXPECT_THAT(lines[4], HasSubstr("delete node route"));
  EXPECT_THAT(lines[5], HasSubstr("delete director address 192.0.2.1"));
}

TEST(Order, HostPlacementMarksByTheDummyFirstAndLast) {
  const DesiredOptions with = options(Placement::kHost);
  DiffContext context = at();
  context.placement = Placement::kHost;
  const DesiredState none = desiredOf(ClusterBuilder(), with, {});
  const DesiredState all = desiredOf(web(), with, {"192.0.2.1"});
  const auto coming = texts(diff(all, holding(none), context));
  ASSERT_EQ(coming.size(), 5U);
  EXPECT_THAT(coming[1], HasSubstr("dev barevip0"));
  EXPECT_THAT(coming[4], HasSubstr("dev eth0"));
  const auto going = texts(diff(none, holding(all), context));
  ASSERT_EQ(going.size(), 4U);
  EXPECT_THAT(going[0], HasSubstr("dev eth0"));
  EXPECT_THAT(going[2], HasSubstr("192.0.2.1:80"));
  EXPECT_THAT(going[3], HasSubstr("dev barevip0"));
}

TEST(Order, ClientAddressesAreKeptOnlyAfterRemoteRealServersDrain) {
  model::Service local = service("web", {"192.0.2.1"});
  local.externalTrafficPolicy = model::TrafficPolicy::kLocal;
  const auto endpoints = slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}});
  const DesiredState cluster =
      desiredOf(ClusterBuilder().add(service("web", {"192.0.2.1"})).add(endpoints), options(), {});
  const DesiredState kept = desiredOf(ClusterBuilder().add(local).add(endpoints), options(), {});

  const Plan plan = diff(kept, holding(cluster), at());
  ASSERT_EQ(plan.steps.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<IpvsStep>(plan.steps[0]));
  EXPECT_THAT(std::get<FilterStep>(plan.steps[1]).state.keepClient, ElementsAre(kWeb));

  const Plan back = diff(cluster, holding(kept), at());
  ASSERT_EQ(back.steps.size(), 2U);
  EXPECT_THAT(std::get<FilterStep>(back.steps[0]).state.keepClient, IsEmpty());
  EXPECT_TRUE(std::holds_alternative<IpvsStep>(back.steps[1]));
}

/// The source ranges of the one virtual server in each filter step, "all" where it has none.
std::vector<std::string> guardsIn(const Plan& plan) {
  std::vector<std::string> guards;
  for (const Step& step : plan.steps) {
    const auto* const filter = std::get_if<FilterStep>(&step);
    if (filter == nullptr) {
      if (std::holds_alternative<IpvsStep>(step)) guards.emplace_back("ipvs");
      continue;
    }
    std::string text;
    for (const auto& ranges : filter->state.sourceRanges) {
      text += "[";
      for (const IpPrefix& each : ranges.allowed) text += each.toString();
      text += "]";
    }
    guards.push_back(text.empty() ? "all" : text);
  }
  return guards;
}

DesiredState guarded(const std::vector<std::string>& ranges, const std::string& pod) {
  model::Service web = service("web", {"192.0.2.1"});
  web.sourceRanges = ranges;
  return desiredOf(ClusterBuilder().add(web).add(slice("web", {{pod}})), options(), {});
}

TEST(Order, SourceRangesStandUntilTheirVirtualServerIsGone) {
  const DesiredState none = desiredOf(ClusterBuilder(), options(), {});
  KernelState kernel = holding(guarded({"10.0.0.0/8"}, "10.1.0.1"));
  EXPECT_THAT(guardsIn(diff(none, kernel, at())), ElementsAre("[10.0.0.0/8]", "ipvs", "all"));
  kernel.filter.reset();
  EXPECT_THAT(guardsIn(diff(none, kernel, at())), ElementsAre("[]", "ipvs", "all"))
      << "after a restart nobody knows whom it admitted";
  EXPECT_THAT(guardsIn(diff(none, holding(guarded({}, "10.1.0.1")), at())),
              ElementsAre("all", "ipvs"));
}

TEST(Order, SourceRangesAreWidenedOnceThePodsThatTheyGuardAreLeft) {
  const KernelState kernel = holding(guarded({"10.0.0.0/8"}, "10.1.0.1"));
  EXPECT_THAT(guardsIn(diff(guarded({}, "10.1.0.2"), kernel, at())), ElementsAre("ipvs", "all"));
  EXPECT_THAT(guardsIn(diff(guarded({}, "10.1.0.1"), kernel, at())), ElementsAre("all"));
  KernelState unknown = kernel;
  unknown.filter.reset();
  DiffContext context = at();
  context.rangesBefore = &kernel.filter->sourceRanges;
  EXPECT_THAT(guardsIn(diff(guarded({}, "10.1.0.2"), unknown, context)),
              ElementsAre("[10.0.0.0/8]", "ipvs", "all"))
      << "a full read does not know it, but this process does";
  EXPECT_THAT(guardsIn(diff(guarded({"10.2.0.0/16", "192.168.0.0/16"}, "10.1.0.2"), kernel, at())),
              ElementsAre("[10.2.0.0/16]", "ipvs", "[10.2.0.0/16192.168.0.0/16]"));
}

TEST(Order, AnUnknownFilterIsLookedAtOnce) {
  const DesiredState same = desiredOf(web(), options(), {});
  KernelState kernel = holding(same);
  kernel.filter.reset();
  const Plan plan = diff(same, kernel, at());
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(std::get<FilterStep>(plan.steps[0]).state, same.filter);
}

// Ownership.

TEST(Ownership, InTheDirectorEveryVirtualServerIsOurs) {
  const Plan plan = diff(desiredWith({}), kernelWith({server(kWeb, {})}), at());
  ASSERT_EQ(ipvsOps(plan).size(), 1U);
  EXPECT_EQ(ipvsOps(plan)[0].kind, Op::Kind::kDeleteVirtualServer);
}

TEST(Ownership, OnTheHostAForeignVirtualServerIsNeverTouched) {
  DiffContext context = at();
  context.placement = Placement::kHost;
  KernelState kernel = kernelWith({server(kWeb, {weighted("10.1.0.1", 1)})});
  EXPECT_THAT(diff(desiredWith({}), kernel, context).steps, IsEmpty());
  kernel.nodeObjects.insert(BoundAddress{ip("192.0.2.1"), "barevip0"});
  EXPECT_EQ(ipvsOps(diff(desiredWith({}), kernel, context)).size(), 1U);
}

TEST(Ownership, OnTheHostOursStaysOursThoughSomebodyTookTheMarkAway) {
  DiffContext context = at();
  context.placement = Placement::kHost;
  context.vipsBefore = {ip("192.0.2.1")};
  EXPECT_EQ(ipvsOps(diff(desiredWith({}), kernelWith({server(kWeb, {})}), context)).size(), 1U);
}

TEST(Ownership, WhatTheDirectorsSetUpMadeIsNotCompared) {
  KernelState kernel = kernelWith({});
  kernel.balancerObjects = {BoundAddress{ip("169.254.77.2"), "outside"},
                            net::Route{IpPrefix{}, net::kMainTable, ip("169.254.77.1"), "outside"}};
  EXPECT_THAT(diff(desiredWith({}), kernel, at()).steps, IsEmpty());
}

TEST(Ownership, HoldersOfAnAddressAreNamed) {
  KernelState kernel = kernelWith({server(tcp("192.0.2.5", 80), {}), server(kWeb, {})});
  kernel.nodeObjects = {BoundAddress{ip("192.0.2.1"), "barevip0"}};
  const std::vector<BoundAddress> addresses{{ip("192.0.2.1"), "barevip0"},
                                            {ip("10.0.0.7"), "eth0"}};
  DiffContext context = at();
  EXPECT_EQ(foreignHolders(kernel, addresses, context).size(), 1U);
  context.placement = Placement::kHost;
  const auto holders = foreignHolders(kernel, addresses, context);
  ASSERT_EQ(holders.size(), 2U);
  EXPECT_EQ(holders.at(ip("10.0.0.7")), "device eth0");
  EXPECT_THAT(holders.at(ip("192.0.2.5")), HasSubstr("192.0.2.5:80"));
}

// Algebra, over random tables.

ipvs::VirtualServerKey anyKey() {
  return {ip("192.0.2." + std::to_string(*rc::gen::inRange(1, 5))),
          static_cast<std::uint16_t>(*rc::gen::inRange(80, 83)),
          *rc::gen::element(model::Protocol::kTcp, model::Protocol::kUdp)};
}

std::map<ipvs::VirtualServerKey, VirtualServer> anyTable(bool weights) {
  std::map<ipvs::VirtualServerKey, VirtualServer> table;
  const int count = *rc::gen::inRange(0, 8);
  for (int i = 0; i < count; ++i) {
    VirtualServer one{anyKey(), {*rc::gen::element<std::string>("rr", "lc", "mh"), 0, 0}, {}};
    std::map<ipvs::RealServerKey, ipvs::RealServer> reals;
    const int realCount = *rc::gen::inRange(0, 5);
    for (int j = 0; j < realCount; ++j) {
      const auto key = real("10.1.0." + std::to_string(*rc::gen::inRange(1, 7)));
      reals[key] = {key, weights ? static_cast<std::uint32_t>(*rc::gen::inRange(0, 3)) : 1U};
    }
    for (const auto& [key, value] : reals) one.realServers.push_back(value);
    table[one.key] = one;
  }
  return table;
}

struct World {
  FakeKernel kernel;
  FakeRtnetlink node;
  FakeRtnetlink director;

  World() {
    for (const char* device : {"eth0", "barevip0", "bvip-in", "bvip-out"}) node.addDevice(device);
    director.addDevice("lo");
  }

  KernelState read() {
    KernelState state;
    for (const auto& one : kernel.table()) state.virtualServers.emplace(one.key, one);
    for (const NetObject& item : node.owned()) state.nodeObjects.insert(item);
    for (const NetObject& item : director.owned()) state.balancerObjects.insert(item);
    state.fresh = true;
    return state;
  }

  void apply(const Plan& plan, KernelState& mirror) {
    for (const Step& step : plan.steps) {
      if (const auto* one = std::get_if<IpvsStep>(&step)) {
        const auto results = kernel.apply(one->ops).value();
        for (const auto result : results) RC_ASSERT(result == 0);
        for (const Op& each : one->ops) applyTo(mirror, each);
      } else if (const auto* links = std::get_if<NetStep>(&step)) {
        const bool inDirector = links->where == NetStep::Where::kDirector;
        std::vector<NetOp> ops;
        for (const auto& change : links->changes) ops.push_back(change.op);
        const auto results = (inDirector ? director : node).apply(ops).value();
        for (const auto result : results) RC_ASSERT(result == 0);
        for (const NetOp& each : ops) {
          applyTo(inDirector ? mirror.balancerObjects : mirror.nodeObjects, each);
        }
      } else {
        mirror.filter = std::get<FilterStep>(step).state;
      }
    }
  }
};

TEST(Algebra, TwoPassesMakeAnyTableTheDesiredOneAndAThirdWritesNothing) {
  EXPECT_TRUE(rc::check([] {
    World world;
    for (const auto& [key, one] : anyTable(true)) world.kernel.put(one);
    DesiredState desired;
    for (const auto& [key, one] : anyTable(false)) desired.virtualServers.push_back(one);
    Draining draining;
    for (int pass = 0; pass < 2; ++pass) {
      KernelState read = world.read();
      const Plan plan = diff(desired, read, at(kStart, draining));
      draining = plan.draining;
      world.apply(plan, read);
      const KernelState after = world.read();
      RC_ASSERT(read.virtualServers == after.virtualServers);  // the mirror follows
    }
    RC_ASSERT(world.kernel.table() == desired.virtualServers);
    KernelState settled = world.read();
    settled.filter = desired.filter;
    RC_ASSERT(diff(desired, settled, at()).steps.empty());
  }));
}

TEST(Algebra, OnTheHostForeignVirtualServersComeOutAsTheyWentIn) {
  EXPECT_TRUE(rc::check([] {
    World world;
    const auto foreign = anyTable(true);
    for (const auto& [key, one] : foreign) world.kernel.put(one);
    DesiredState desired;
    for (const auto& [key, one] : anyTable(false)) {
      // What something else holds is never desired: foreignHolders sees to that.
      const bool held = std::any_of(foreign.begin(), foreign.end(), [&](const auto& other) {
        return other.first.vip == one.key.vip;
      });
      if (held) continue;
      desired.virtualServers.push_back(one);
      desired.nodeObjects.emplace(BoundAddress{one.key.vip, "barevip0"}, one.key.vip);
    }
    DiffContext context = at();
    context.placement = Placement::kHost;
    KernelState read = world.read();
    world.apply(diff(desired, read, context), read);
    DesiredState nothing;
    read = world.read();
    world.apply(diff(nothing, read, context), read);
    const auto left = world.kernel.table();
    RC_ASSERT(left.size() == foreign.size());
    for (const auto& one : left) RC_ASSERT(foreign.at(one.key) == one);
    RC_ASSERT(world.node.owned().empty());
  }));
}

TEST(Algebra, LinksBecomeTheDesiredOnes) {
  EXPECT_TRUE(rc::check([] {
    World world;
    const auto cluster = [] {
      ClusterBuilder builder;
      const int count = *rc::gen::inRange(0, 5);
      for (int i = 0; i < count; ++i) {
        const auto number = std::to_string(*rc::gen::inRange(1, 6));
        builder.add(service("s" + number, {"192.0.2." + number, "2001:db8::" + number}));
      }
      return builder;
    };
    for (int pass = 0; pass < 3; ++pass) {
      DesiredState desired = computeDesired(cluster().state, options(), {});
      for (const auto& vip : desired.vips) {
        if (*rc::gen::arbitrary<bool>()) {
          desired.announcements.emplace(vip.address, announcementOf(vip.address, options()));
        }
      }
      KernelState read = world.read();
      world.apply(diff(desired, read, at()), read);
      const KernelState after = world.read();
      RC_ASSERT(after.nodeObjects == holding(desired).nodeObjects);
      RC_ASSERT(after.balancerObjects == itemsOf(desired.balancerObjects));
      RC_ASSERT(read.nodeObjects == after.nodeObjects);
    }
  }));
}

}  // namespace
}  // namespace barevip::node::test
