// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/node_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>

#include "unit/ipvsnode/one_node.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using ipvs::Op;
using net::BoundAddress;
using net::NetObject;
using net::NetOp;
using net::ProxyNeighbour;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;
using testing::SizeIs;

const Error kSocketFailed{ErrorCode::kUnavailable, "no buffer space", ENOBUFS, {}};
const Error kFilterBusy{ErrorCode::kUnavailable, "iptables-restore: busy", 0, {}};

class NodeReconcilerTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<net::NetObject> routesToVips() const {
    std::vector<net::NetObject> result;
    for (const net::NetObject& item : world.node.owned()) {
      const auto* const route = std::get_if<net::Route>(&item);
      if (route != nullptr && route->destination.length > 0) result.push_back(item);
    }
    return result;
  }

  World world;
};

const NetObject kProxy = ProxyNeighbour{IpAddress::parse("192.0.2.1").value(), "eth0"};

// Start.

TEST_F(NodeReconcilerTest, AnEmptyListThatComesLastIsNoticedWithinASecond) {
  Daemon daemon(world);
  const MonotonicTime next = daemon.reconciler->reconcileOnce();
  EXPECT_LE(next - world.clock.now(), std::chrono::seconds(1)) << "no change tells of its end";
}

TEST_F(NodeReconcilerTest, ChangesNothingBeforeAllListsCameInOnce) {
  world.ipvs.put({tcp("192.0.2.9", 80), {}, {}});
  world.director.addOwned(BoundAddress{ip("192.0.2.9"), "lo"});
  world.stores.services.replaceAll({});
  world.stores.slices.replaceAll({});
  world.stores.nodes.replaceAll({});
  world.stores.ipObjects.replaceAll({});
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_EQ(world.takeWrites(), 0U);
  EXPECT_FALSE(daemon.reconciler->ready());
  world.stores.pools.replaceAll({});
  daemon.reconcileOnce();
  EXPECT_TRUE(daemon.reconciler->ready());
  EXPECT_THAT(world.ipvs.table(), IsEmpty());
}

TEST_F(NodeReconcilerTest, ProgramsAServiceAndAnnouncesIt) {
  world.sync();
  world.addWeb("");
  Daemon daemon(world);
  daemon.reconcileOnce();
  ASSERT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_THAT(world.ipvs.table()[0].realServers, SizeIs(2));
  EXPECT_THAT(world.director.owned(), ElementsAre(NetObject(BoundAddress{ip("192.0.2.1"), "lo"})));
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
  EXPECT_THAT(world.network.takeAnnouncements(), SizeIs(1));
  ASSERT_THAT(daemon.lastReport.ipObjects, SizeIs(1));
  EXPECT_TRUE(daemon.lastReport.ipObjects.begin()->second.announced);
  EXPECT_EQ(daemon.metric("barevip_node_announced_vips"), 1);
  EXPECT_EQ(daemon.metric("barevip_node_virtual_servers"), 1);
  EXPECT_EQ(daemon.metric("barevip_node_real_servers"), 2);
}

TEST_F(NodeReconcilerTest, EachPassSaysWhichServiceEachVirtualServerIsFor) {
  world.sync();
  world.addTwoOnOneVip();
  Daemon daemon(world);
  daemon.reconcileOnce();
  ASSERT_THAT(daemon.serving, SizeIs(2));
  EXPECT_EQ(daemon.serving[0].key, tcp("192.0.2.1", 80));
  EXPECT_EQ(daemon.serving[0].service->key, (kube::ObjectKey{"default", "web"}));
  EXPECT_EQ(daemon.serving[1].key, tcp("192.0.2.1", 443));
  EXPECT_EQ(daemon.serving[1].service->key, (kube::ObjectKey{"default", "web-tls"}));
  world.stores.services.erase({"default", "web"});
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.serving, SizeIs(1));
}

TEST_F(NodeReconcilerTest, AnAnnouncementThatCouldNotBeSentIsTriedAgainAndCountsThen) {
  world.sync();
  world.addWeb();
  world.network.setError(Error{ErrorCode::kUnavailable, "no buffer space", ENOBUFS, {}});
  Daemon daemon(world);
  for (int i = 0; i < 20; ++i) {
    daemon.reconcileOnce();
    world.clock.advance(500ms);
  }
  EXPECT_EQ(daemon.count("barevip_node_unsent_announcements_total"), 20);
  world.network.setError(std::nullopt);
  for (int i = 0; i < 6; ++i) {
    daemon.reconcileOnce();
    EXPECT_THAT(world.network.takeAnnouncements(), SizeIs(1)) << i;
    world.clock.advance(1s);
  }
  daemon.reconcileOnce();
  EXPECT_THAT(world.network.takeAnnouncements(), IsEmpty());
}

TEST_F(NodeReconcilerTest, ASecondPassAndAResyncWriteNothing) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_GT(world.takeWrites(), 0U);
  daemon.reconcileOnce();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(world.takeWrites(), 0U);
  EXPECT_EQ(daemon.count("barevip_node_full_syncs_total"), 2);
}

TEST_F(NodeReconcilerTest, EachPassTellsHowLongItsPartsTook) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.renew("n1");
  daemon.reconciler->reconcileOnce();
  const std::string first = daemon.metrics.text();
  for (const char* stage : {"read", "desired", "owners", "plan", "apply", "report"}) {
    EXPECT_THAT(first, HasSubstr("\nbarevip_node_stage_seconds_count{stage=\"" +
                                 std::string(stage) + "\"} 1\n"));
  }
  EXPECT_THAT(first, HasSubstr("\nbarevip_node_reconcile_seconds_count 1\n"));
  EXPECT_THAT(first, HasSubstr("\nbarevip_node_queue_seconds_count 0\n"));
  daemon.reconciler->wake();
  world.clock.advance(2s);
  daemon.reconciler->wake();
  world.clock.advance(1s);
  daemon.reconciler->reconcileOnce();
  EXPECT_THAT(daemon.metrics.text(), HasSubstr("\nbarevip_node_queue_seconds_sum 3\n"))
      << "since the first of the news";
}

TEST_F(NodeReconcilerTest, APassThatFailsCountsForTheStagesThatItHad) {
  world.sync();
  world.addWeb();
  world.ipvs.setApplyError(kSocketFailed);
  Daemon daemon(world);
  daemon.reconciler->reconcileOnce();
  EXPECT_THAT(daemon.metrics.text(),
              HasSubstr("\nbarevip_node_stage_seconds_count{stage=\"apply\"} 1\n"));
  EXPECT_THAT(daemon.metrics.text(), HasSubstr("\nbarevip_node_reconcile_seconds_count 0\n"));
}

// The lines of a metric that have values.
std::string seriesOf(const Daemon& daemon, const std::string& name) {
  std::istringstream text(daemon.metrics.text());
  std::string found;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(name + "{") || line.starts_with(name + " ")) found += line + "\n";
  }
  return found;
}

TEST_F(NodeReconcilerTest, EachKindOfDriftAndUsualErrorOfNetlinkBeginsAtZero) {
  const Daemon daemon(world);
  for (const char* const kind : {"virtual_server", "real_server", "timeouts", "address", "route",
                                 "rule", "neighbour", "packet_filter"}) {
    EXPECT_THAT(seriesOf(daemon, "barevip_node_drift_total"),
                HasSubstr("{kind=\"" + std::string(kind) + "\"} 0\n"));
  }
  for (const char* const error : {"none", "EPERM", "EBUSY", "EINVAL", "ENOBUFS"}) {
    EXPECT_THAT(seriesOf(daemon, "barevip_node_netlink_errors_total"),
                HasSubstr("{errno=\"" + std::string(error) + "\"} 0\n"));
  }
}

TEST_F(NodeReconcilerTest, TellsWhichAddressesItAnnouncesAndForWhichNamespaces) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  EXPECT_EQ(seriesOf(daemon, "barevip_ip_announced"), "");
  daemon.reconcileOnce();
  EXPECT_EQ(seriesOf(daemon, "barevip_ip_announced"),
            "barevip_ip_announced{namespace=\"default\",address=\"192.0.2.1\"} 1\n");
  world.stores.ipObjects.erase({"default", "web"});
  world.stores.services.erase({"default", "web"});
  daemon.reconciler->wake();
  daemon.reconcileOnce();
  EXPECT_EQ(seriesOf(daemon, "barevip_ip_announced"), "");
}

TEST_F(NodeReconcilerTest, WhatOthersChangedIsCountedByKindOnceItIsRepaired) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(seriesOf(daemon, "barevip_node_drift_total"),
            seriesOf(Daemon(world), "barevip_node_drift_total"))
      << "own changes are not drift";
  auto server = world.ipvs.table()[0];
  server.realServers.erase(server.realServers.begin());
  server.options.scheduler = "lc";
  world.ipvs.put(server);
  world.ipvs.putTimeouts({900s, 120s, 300s});
  world.filter.wipe();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  const auto drift = [&](const char* kind) {
    return daemon.metrics.counter("barevip_node_drift_total", "", {{"kind", kind}}).value();
  };
  EXPECT_EQ(drift("virtual_server"), 1);
  EXPECT_EQ(drift("real_server"), 1);
  EXPECT_EQ(drift("timeouts"), 1);
  EXPECT_GT(drift("packet_filter"), 0);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(drift("virtual_server"), 1) << "it was repaired";
}

TEST_F(NodeReconcilerTest, AfterAnErrorNothingIsKnownAndNothingCountsAsDrift) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.stores.services.put(service("shop", {"192.0.2.2"}));
  world.stores.ipObjects.put(ipObject("shop", "192.0.2.2", "n1"));
  world.ipvs.failNextApplyAfter(1, kSocketFailed);
  daemon.reconciler->wake();
  daemon.reconcileOnce();
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(2));
  EXPECT_EQ(seriesOf(daemon, "barevip_node_drift_total"),
            seriesOf(Daemon(world), "barevip_node_drift_total"));
}

TEST_F(NodeReconcilerTest, ErrorsOfNetlinkAreCountedByErrno) {
  world.sync();
  world.addWeb();
  world.ipvs.setOpFault([](const Op&) { return ENOMEM; });
  Daemon daemon(world);
  daemon.reconcileOnce();
  const auto errors = [&](const char* name) {
    return daemon.metrics.counter("barevip_node_netlink_errors_total", "", {{"errno", name}})
        .value();
  };
  EXPECT_EQ(errors("ENOMEM"), 1);
  world.ipvs.setOpFault({});
  world.ipvs.setDumpError(kSocketFailed);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(errors("ENOBUFS"), 1) << "of a read";
  world.ipvs.setDumpError(std::nullopt);
  world.ipvs.setApplyError(kSocketFailed);
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_EQ(errors("ENOBUFS"), 2) << "of a write";
}

TEST_F(NodeReconcilerTest, ARestartAdoptsWhatIsThereWithoutASingleWrite) {
  world.sync();
  world.addWeb();
  {
    Daemon first(world);
    first.reconcileOnce();
  }
  (void)world.takeWrites();
  Daemon second(world);
  second.reconciler->reconcileOnce();  // its Lease is not seen yet
  second.reconcileOnce();
  EXPECT_EQ(world.takeWrites(), 0U);
  EXPECT_EQ(second.count("barevip_node_netlink_writes_total"), 0);
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

// Repair.

TEST_F(NodeReconcilerTest, WhatSomebodyDeletedComesBackAtTheResync) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  const auto table = world.ipvs.table();
  const auto items = world.node.owned();
  world.ipvs.clear();
  world.director.remove(BoundAddress{ip("192.0.2.1"), "lo"});
  for (const NetObject& item : items) world.node.remove(item);
  world.filter.wipe();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(world.ipvs.table(), table);
  EXPECT_EQ(world.node.owned(), items);
  EXPECT_THAT(world.director.owned(), SizeIs(1));
  EXPECT_TRUE(world.filter.state().has_value());
}

TEST_F(NodeReconcilerTest, TimeoutsThatSomebodyChangedComeBackAtTheResync) {
  world.sync();
  Daemon daemon(world);
  daemon.reconcileOnce();
  const ipvs::Timeouts wanted{7260s, 120s, 300s};
  EXPECT_EQ(world.ipvs.timeouts().value(), wanted);
  EXPECT_EQ(world.ipvs.takeTimeoutWrites(), 1);
  world.ipvs.putTimeouts({10s, 120s, 300s});
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(world.ipvs.timeouts().value(), wanted);
}

TEST_F(NodeReconcilerTest, TimeoutsThatTheKernelRefusesHoldNoVipBack) {
  world.sync();
  world.addWeb();
  world.ipvs.setTimeoutsError(Error{ErrorCode::kInvalid, "Invalid argument", EINVAL, {}});
  Daemon daemon(world);
  for (int i = 0; i < 20; ++i) daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
  EXPECT_EQ(world.ipvs.takeTimeoutWrites(), 1) << "no hot loop";
  world.ipvs.setTimeoutsError(std::nullopt);
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_EQ(world.ipvs.timeouts().value().tcp, 7260s);
}

TEST_F(NodeReconcilerTest, WhatTheMonitorSawIsRepairedAtOnce) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.clock.advance(2s);
  world.node.remove(kProxy);
  daemon.reconciler->networkChanged();
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

TEST_F(NodeReconcilerTest, AFloodOfLinkEventsIsReadOnceASecond) {
  world.sync();
  Daemon daemon(world);
  daemon.reconcileOnce();
  const auto reads = world.node.dumpCount();
  for (int i = 0; i < 100; ++i) {
    daemon.reconciler->networkChanged();
    daemon.reconcileOnce();
    world.clock.advance(1ms);
  }
  EXPECT_EQ(world.node.dumpCount(), reads);
  const auto tables = world.ipvs.dumpCount();
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_GT(world.node.dumpCount(), reads);
  EXPECT_EQ(world.ipvs.dumpCount(), tables) << "IPVS is no link";
}

TEST_F(NodeReconcilerTest, AChangeOfLinksWithinTheIntervalIsReadWhenItIsOver) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.node.remove(kProxy);
  daemon.reconciler->networkChanged();
  const MonotonicTime next = daemon.reconciler->reconcileOnce();
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  EXPECT_LE(next, world.clock.now() + 1s) << "though no further event may come";
  world.clock.advance(1s);
  daemon.reconciler->reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

// Faults.

TEST_F(NodeReconcilerTest, AfterALostAnswerItReadsAllAgainAndConverges) {
  world.sync();
  world.addWeb();
  world.ipvs.failNextApplyAfter(1, kSocketFailed);
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_FALSE(daemon.reconciler->ready());
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy))) << "not announced before it is served";
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_TRUE(daemon.reconciler->ready());
  EXPECT_THAT(world.ipvs.table()[0].realServers, SizeIs(2));
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

TEST_F(NodeReconcilerTest, WhileTheKernelCannotBeReadNothingIsWrittenAndAttemptsGetRarer) {
  world.sync();
  world.addWeb();
  world.ipvs.setDumpError(kSocketFailed);
  Daemon daemon(world);
  for (int i = 0; i < 600; ++i) {
    daemon.reconcileOnce();
    world.clock.advance(100ms);
  }
  EXPECT_EQ(world.takeWrites(), 0U);
  EXPECT_LT(world.ipvs.dumpCount(), 12U) << "in a minute";
  world.ipvs.setDumpError(std::nullopt);
  world.clock.advance(15s);
  daemon.reconcileOnce();
  EXPECT_TRUE(daemon.reconciler->ready());
}

TEST_F(NodeReconcilerTest, AVipWhoseAddressTheDirectorRefusesIsLeftToOtherNodes) {
  world.sync();
  world.addWeb();
  world.director.setOpFault([](const NetOp&) { return EADDRNOTAVAIL; });
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  ASSERT_TRUE(daemon.eligibility);
  EXPECT_THAT(daemon.eligibility->blocked, ElementsAre(ip("192.0.2.1")));
}

TEST_F(NodeReconcilerTest, ANodeWhoseSettingsBreakForwardingLeavesItsVipsToOthers) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  ASSERT_TRUE(daemon.eligibility && daemon.eligibility->serving);
  daemon.host.broken = {{Family::kIpv4, "rp_filter"}, {Family::kIpv6, "proxy_ndp"}};
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_TRUE(daemon.eligibility->serving) << "it may pass";
  ASSERT_THAT(daemon.lastReport.problems, SizeIs(1));
  EXPECT_EQ(daemon.lastReport.problems[0].reason, "NodeBroken");
  EXPECT_EQ(daemon.lastReport.ipObjects.begin()->second.brokenBy, "rp_filter");
  EXPECT_THAT(daemon.lastReport.problems[0].message, testing::HasSubstr("rp_filter"));
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_FALSE(daemon.eligibility->serving);
  EXPECT_THAT(daemon.metrics.text(),
              testing::HasSubstr("barevip_node_ineligible{cause=\"rp_filter\"} 1"));
  EXPECT_THAT(world.node.owned(), Contains(kProxy)) << "until another node has it";

  daemon.host.broken.clear();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_FALSE(daemon.eligibility->serving) << "what comes and goes moves a VIP once";
  EXPECT_THAT(daemon.metrics.text(),
              testing::HasSubstr("barevip_node_ineligible{cause=\"rp_filter\"} 0"));
  world.clock.advance(kRiseTime);
  daemon.reconcileOnce();
  EXPECT_TRUE(daemon.eligibility->serving);
}

TEST_F(NodeReconcilerTest, ASettingThatIsWrongForOneLookMovesNothing) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  daemon.host.broken = {{Family::kIpv4, "host"}};
  world.clock.advance(31s);
  daemon.renew("n1");
  const MonotonicTime next = daemon.reconciler->reconcileOnce();
  EXPECT_LT(next, world.clock.now() + kFallTime) << "looked at again before it counts";
  daemon.host.broken.clear();
  world.clock.advance(next - world.clock.now());
  daemon.reconcileOnce();
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_TRUE(daemon.eligibility->serving);
}

TEST_F(NodeReconcilerTest, WhatBreaksIpv6AloneLeavesTheVipsOfIpv4) {
  world.sync();
  world.addWeb();
  world.stores.services.put(service("six", {"2001:db8::1"}));
  world.stores.ipObjects.put(ipObject("six", "2001:db8::1", "n1"));
  Daemon daemon(world);
  daemon.host.broken = {{Family::kIpv6, "proxy_ndp"}};
  daemon.reconcileOnce();
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  ASSERT_TRUE(daemon.eligibility);
  EXPECT_TRUE(daemon.eligibility->serving);
  EXPECT_THAT(daemon.eligibility->blocked, ElementsAre(ip("2001:db8::1")));
}

TEST_F(NodeReconcilerTest, WithoutARuleThatAllVipsOfAFamilyNeedNoneOfThemIsAnnounced) {
  world.sync();
  world.addWeb();
  world.stores.services.put(service("six", {"2001:db8::1"}));
  world.stores.ipObjects.put(ipObject("six", "2001:db8::1", "n1"));
  world.node.setOpFault([](const NetOp& op) {
    const auto* rule = std::get_if<net::Rule>(&op.item);
    return rule != nullptr && rule->family == Family::kIpv6 ? EAFNOSUPPORT : 0;
  });
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
  EXPECT_THAT(world.node.owned(),
              Not(Contains(NetObject(ProxyNeighbour{ip("2001:db8::1"), "eth0"}))));
}

TEST_F(NodeReconcilerTest, OneEndpointThatTheKernelRefusesDoesNotStopTheOthers) {
  world.sync();
  world.addWeb();
  const auto refuse = [&](std::initializer_list<const char*> addresses) {
    const std::set<std::string> refused(addresses.begin(), addresses.end());
    world.ipvs.setOpFault([refused](const Op& op) {
      return op.kind == Op::Kind::kAddRealServer &&
                     refused.contains(op.realServer.address.toString())
                 ? EINVAL
                 : 0;
    });
  };
  refuse({"10.1.0.1", "10.1.0.2"});
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy))) << "there is nobody to answer";
  refuse({"10.1.0.1"});
  world.clock.advance(2s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

TEST_F(NodeReconcilerTest, ARefusedVirtualServerHoldsBackOnlyItsOwnVip) {
  world.sync();
  world.addWeb();
  world.stores.services.put(service("shop", {"192.0.2.2"}));
  world.stores.ipObjects.put(ipObject("shop", "192.0.2.2", "n1"));
  bool refuse = true;
  world.ipvs.setOpFault([&](const Op& op) {
    return refuse && op.virtualServer == tcp("192.0.2.1", 80) ? ENOMEM : 0;
  });
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  EXPECT_THAT(world.node.owned(), Contains(NetObject(ProxyNeighbour{ip("192.0.2.2"), "eth0"})));
  EXPECT_EQ(daemon.count("barevip_node_refused_changes_total"), 1) << "not its real servers, too";

  for (int i = 0; i < 20; ++i) daemon.reconcileOnce();
  EXPECT_EQ(daemon.count("barevip_node_refused_changes_total"), 1) << "no hot loop";
  refuse = false;
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(2));
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

TEST_F(NodeReconcilerTest, ASchedulerWithoutModuleGivesWayToTheDefault) {
  world.sync();
  model::Service web = service("web", {"192.0.2.1"});
  web.annotations["barevip.dev/scheduler"] = "mh";
  world.stores.services.put(web);
  world.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n1"));
  world.ipvs.setOpFault([](const Op& op) { return op.options.scheduler == "mh" ? ENOENT : 0; });
  Daemon daemon(world);
  daemon.reconcileOnce();
  daemon.reconcileOnce();
  ASSERT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_EQ(world.ipvs.table()[0].options.scheduler, "rr");
}

TEST_F(NodeReconcilerTest, WithoutThePacketFilterNothingNewIsAnnounced) {
  world.sync();
  world.addWeb();
  world.filter.setError(kFilterBusy);
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(1)) << "the rest goes on";
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  world.filter.setError(std::nullopt);
  world.clock.advance(1s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

TEST_F(NodeReconcilerTest, ANodeWithoutItsPacketFilterAsksOthersToAnnounceUntilItHasItForLong) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, Eligibility{});
  world.filter.setError(kFilterBusy);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, Eligibility{});
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, (Eligibility{false, {}, {}}));
  world.filter.setError(std::nullopt);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, (Eligibility{false, {}, {}}));
  EXPECT_LE(daemon.reconciler->reconcileOnce(), world.clock.now() + kRiseTime);
  world.clock.advance(kRiseTime);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, Eligibility{});
}

TEST_F(NodeReconcilerTest, ADaemonThatStartsWithoutItsPacketFilterDoesNotSayThatItCanAnnounce) {
  world.sync();
  world.addWeb();
  world.filter.setError(kFilterBusy);
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, std::nullopt);
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, (Eligibility{false, {}, {}}));
}

TEST_F(NodeReconcilerTest, AVipThatIsHeldByAnotherHandHereIsLeftToOtherNodes) {
  world.sync();
  world.addWeb("");
  world.node.addForeign(BoundAddress{ip("192.0.2.1"), "eth0"});
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_LE(daemon.reconciler->reconcileOnce(), world.clock.now() + kFallTime);
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, (Eligibility{true, {}, {ip("192.0.2.1")}}));
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
}

TEST_F(NodeReconcilerTest, AVipThatTheKernelRefusesHereIsLeftToOtherNodes) {
  world.sync();
  world.addWeb();
  world.ipvs.setOpFault([](const Op&) { return ENOMEM; });
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, (Eligibility{true, {ip("192.0.2.1")}, {}}));
}

TEST_F(NodeReconcilerTest, AVipWhoseAnnouncementTheKernelRefusesIsLeftToOtherNodes) {
  world.sync();
  world.addWeb();
  world.node.setOpFault([](const NetOp& op) { return op.item == kProxy ? EINVAL : 0; });
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.clock.advance(kFallTime);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, (Eligibility{true, {ip("192.0.2.1")}, {}}));
}

TEST_F(NodeReconcilerTest, AVipOfAnotherNodeIsNoneThatThisOneCannotAnnounce) {
  world.sync();
  world.addWeb("n2");
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  world.clock.advance(kFallTime);
  daemon.renew("n2");
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.eligibility, Eligibility{});
}

/// A filter that refuses what comes after the first pass.
class RefusedFilterTest : public NodeReconcilerTest {
 protected:
  std::optional<Daemon> daemon;

  /// Passes until the Service, with two pods, is announced; from then on the filter refuses.
  void startWith(const model::Service& service) {
    world.sync();
    world.addWeb();
    world.stores.services.put(service);
    daemon.emplace(world);
    daemon->reconcileOnce();
    ASSERT_THAT(world.node.owned(), Contains(kProxy));
    world.filter.setError(kFilterBusy);
  }

  void heal() {
    world.filter.setError(std::nullopt);
    world.clock.advance(31s);
    daemon->reconcileOnce();
  }

  /// Real servers with a weight, or nothing if there is no such virtual server.
  std::optional<std::vector<ipvs::RealServerKey>> servers(const ipvs::VirtualServerKey& key) {
    for (const ipvs::VirtualServer& server : world.ipvs.table()) {
      if (server.key != key) continue;
      std::vector<ipvs::RealServerKey> result;
      for (const ipvs::RealServer& one : server.realServers) {
        if (one.weight > 0) result.push_back(one.key);
      }
      return result;
    }
    return std::nullopt;
  }

  static model::Service guarded(model::Service service) {
    service.sourceRanges = {"10.0.0.0/8"};
    return service;
  }

  const model::Service web = service("web", {"192.0.2.1"});
  const ipvs::VirtualServerKey http = tcp("192.0.2.1", 80);
};

TEST_F(RefusedFilterTest, APortIsNotOpenedWithoutItsSourceRanges) {
  startWith(guarded(web));
  model::Service more = guarded(web);
  more.ports.push_back({"http", model::Protocol::kTcp, 81, 0});
  world.stores.services.put(more);
  daemon->reconcileOnce();
  EXPECT_EQ(servers(tcp("192.0.2.1", 81)), std::nullopt);
  EXPECT_THAT(servers(http).value(), SizeIs(2)) << "what is guarded already serves on";
  heal();
  EXPECT_THAT(servers(tcp("192.0.2.1", 81)).value(), SizeIs(2));
}

TEST_F(RefusedFilterTest, AProcessThatNeverWroteItOpensNothingThatNeedsIt) {
  world.sync();
  world.addWeb();
  world.stores.services.put(guarded(web));
  world.stores.services.put(service("shop", {"192.0.2.2"}));
  world.stores.ipObjects.put(ipObject("shop", "192.0.2.2", "n1"));
  world.filter.setError(kFilterBusy);
  daemon.emplace(world);
  daemon->reconcileOnce();
  EXPECT_EQ(servers(http), std::nullopt);
  EXPECT_NE(servers(tcp("192.0.2.2", 80)), std::nullopt);
  heal();
  EXPECT_THAT(servers(http).value(), SizeIs(2));
}

TEST_F(RefusedFilterTest, SourceRangesThatAreNotInPlaceGetNoNewPods) {
  startWith(web);
  world.stores.services.put(guarded(web));
  world.stores.slices.put(slice("web", {{"10.1.0.1"}, {"10.1.0.2"}, {"10.1.0.3"}}));
  daemon->reconcileOnce();
  EXPECT_THAT(servers(http).value(), ElementsAre(real("10.1.0.1"), real("10.1.0.2")));
  heal();
  EXPECT_THAT(servers(http).value(), SizeIs(3));
}

TEST_F(RefusedFilterTest, APodThatDrainedIsNotTakenBackWithoutThem) {
  startWith(web);
  world.stores.slices.put(slice("web", {{"10.1.0.1"}}));
  daemon->reconcileOnce();
  world.stores.services.put(guarded(web));
  world.stores.slices.put(slice("web", {{"10.1.0.1"}, {"10.1.0.2"}}));
  daemon->reconcileOnce();
  EXPECT_THAT(servers(http).value(), ElementsAre(real("10.1.0.1")));
}

TEST_F(RefusedFilterTest, PodsOfOtherNodesWaitUntilTheirRequestsAreMasqueraded) {
  startWith(local(web));
  ASSERT_THAT(servers(http).value(), ElementsAre(real("10.1.0.1")));
  world.stores.services.put(web);
  daemon->reconcileOnce();
  EXPECT_THAT(servers(http).value(), ElementsAre(real("10.1.0.1")));
  heal();
  EXPECT_THAT(servers(http).value(), SizeIs(2));
}

TEST_F(RefusedFilterTest, AnEditThatIsTakenBackMayHaveBeenMadeInPart) {
  startWith(guarded(web));
  world.stores.services.put(web);
  daemon->reconcileOnce();
  world.stores.services.put(guarded(web));
  world.stores.slices.put(slice("web", {{"10.1.0.1"}, {"10.1.0.2"}, {"10.1.0.3"}}));
  daemon->reconcileOnce();
  EXPECT_THAT(servers(http).value(), SizeIs(2));
  heal();
  EXPECT_THAT(servers(http).value(), SizeIs(3));
}

TEST_F(NodeReconcilerTest, AVirtualServerThatCannotBeDeletedStillKeepsEverybodyOut) {
  world.sync();
  world.addWeb();
  model::Service web = service("web", {"192.0.2.1"});
  web.sourceRanges = {"10.0.0.0/8"};
  world.stores.services.put(web);
  Daemon daemon(world);
  daemon.reconcileOnce();
  ASSERT_THAT(world.filter.state()->sourceRanges, SizeIs(1));
  const auto guards = world.filter.state()->sourceRanges;
  world.ipvs.setOpFault([](const ipvs::Op& op) {
    return op.kind == ipvs::Op::Kind::kDeleteVirtualServer ? EBUSY : 0;
  });
  world.stores.services.erase(web.key);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_EQ(world.filter.state()->sourceRanges, guards);
  world.clock.advance(31s);  // the kernel is read anew
  daemon.reconcileOnce();
  EXPECT_EQ(world.filter.state()->sourceRanges, guards);
  world.ipvs.setOpFault({});
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), IsEmpty());
  EXPECT_THAT(world.filter.state()->sourceRanges, IsEmpty());
}

TEST_F(RefusedFilterTest, PodsComeAndGoWhereNothingOfItWasToChange) {
  startWith(guarded(web));
  world.clock.advance(31s);  // the filter is looked at again
  world.stores.slices.put(slice("web", {{"10.1.0.2"}, {"10.1.0.3"}}));
  daemon->reconcileOnce();
  EXPECT_THAT(servers(http).value(), ElementsAre(real("10.1.0.2"), real("10.1.0.3")));
}

TEST_F(NodeReconcilerTest, AForeignRouteInTheWayIsReportedAndStays) {
  world.sync();
  world.addWeb();
  const NetObject foreign =
      net::Route{IpPrefix::host(ip("192.0.2.1")), net::kMainTable, ip("10.0.0.99"), "eth0"};
  world.node.addForeign(foreign);
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.foreign(), ElementsAre(foreign));
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
}

TEST_F(NodeReconcilerTest, AnAddressOfTheNodeItselfIsNeverTakenForAVip) {
  world.sync();
  world.addWeb();
  world.node.addForeign(BoundAddress{ip("192.0.2.1"), "eth0"});
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), IsEmpty());
  EXPECT_THAT(world.node.foreign(), SizeIs(1));
  EXPECT_EQ(daemon.metric("barevip_node_service_problems"), 1);
}

// Announcing.

// Otherwise no node would reach that machine any more.
TEST_F(NodeReconcilerTest, AVipThatAStrangerHoldsIsNeitherAnnouncedNorLedHere) {
  world.sync();
  world.addWeb("");
  Daemon daemon(world);
  daemon.renew("n1");
  daemon.reconciler->reconcileOnce();
  ASSERT_THAT(daemon.probes, ElementsAre(ip("192.0.2.1")));
  daemon.reconciler->answered(ip("192.0.2.1"), "02:00:00:00:00:66");
  daemon.reconciler->reconcileOnce();
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  EXPECT_THAT(routesToVips(), IsEmpty());
  EXPECT_EQ(daemon.lastReport.ipObjects.begin()->second.conflictMac, "02:00:00:00:00:66");
}

TEST_F(NodeReconcilerTest, ANodeLeadsNothingToAVipBeforeItsOwnerIsRecorded) {
  world.sync();
  // Of its pods are all on n2, so that one is to announce it.
  world.stores.services.put(local(service("web", {"192.0.2.1"})));
  world.stores.slices.put(slice("web", {{"10.1.0.2", "n2"}}));
  world.stores.ipObjects.put(ipObject("web", "192.0.2.1", ""));
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  EXPECT_THAT(routesToVips(), IsEmpty());
  world.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n2"));
  daemon.renew("n2");
  daemon.reconcileOnce();
  EXPECT_THAT(routesToVips(), SizeIs(2)) << "inside and outside";
}

TEST_F(NodeReconcilerTest, WhatIsLedToAVipStaysWhenItsRecordIsMadeAgain) {
  world.sync();
  world.addWeb("n2");
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  ASSERT_THAT(routesToVips(), SizeIs(2));
  (void)world.takeWrites();
  for (const char* const holder : {"", "n2"}) {
    world.stores.ipObjects.put(ipObject("web", "192.0.2.1", holder));
    daemon.renew("n2");
    daemon.reconcileOnce();
    EXPECT_EQ(world.takeWrites(), 0U);
  }
}

TEST_F(NodeReconcilerTest, AVipThatThisNodeSpeaksWithIsLeftAlone) {
  world.sync();
  world.addWeb("n2");
  Daemon daemon(world);
  daemon.host.gateways = {ip("192.0.2.1")};
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), IsEmpty());
  EXPECT_THAT(routesToVips(), IsEmpty());
  world.clock.advance(kFallTime + 1s);
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.eligibility->held, ElementsAre(ip("192.0.2.1")));

  daemon.host.gateways = std::nullopt;  // that could not be seen
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(routesToVips(), IsEmpty());

  daemon.host.gateways = std::set<IpAddress>{};
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(routesToVips(), SizeIs(2));
}

TEST_F(NodeReconcilerTest, AVipThatGoesIsNotAskedForAnyLonger) {
  world.sync();
  world.addWeb("");
  Daemon daemon(world);
  daemon.renew("n1");
  daemon.reconciler->reconcileOnce();
  ASSERT_THAT(daemon.lastQuestions.ask, ElementsAre(ip("192.0.2.1")));
  EXPECT_THAT(daemon.lastQuestions.open, ElementsAre(ip("192.0.2.1")));
  world.stores.services.erase({"default", "web"});
  daemon.reconciler->reconcileOnce();
  EXPECT_THAT(daemon.lastQuestions.ask, IsEmpty());
  EXPECT_THAT(daemon.lastQuestions.open, IsEmpty());
}

TEST_F(NodeReconcilerTest, ANodeThatIsNotTheOwnerProgramsButDoesNotAnnounce) {
  world.sync();
  world.addWeb("n2");
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  EXPECT_THAT(daemon.lastReport.ipObjects, IsEmpty());
  EXPECT_THAT(world.network.takeAnnouncements(), IsEmpty());
}

TEST_F(NodeReconcilerTest, AVipThatNobodyMayAnnounceIsAProblem) {
  world.sync();
  world.addWeb("");
  for (const char* name : {"n1", "n2"}) {
    model::Node excluded = test::node(name);
    excluded.labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "";
    world.stores.nodes.put(excluded);
  }
  Daemon daemon(world);
  daemon.reconcileOnce();
  ASSERT_THAT(daemon.lastReport.problems, SizeIs(1));
  EXPECT_EQ(daemon.lastReport.problems[0].reason, "NoNode");
  EXPECT_THAT(routesToVips(), IsEmpty()) << "nobody asks whether the address is free";
}

TEST_F(NodeReconcilerTest, AVipWhosePoolLeavesTheAnnouncementToOthersIsNoProblem) {
  world.sync();
  world.addWeb("");
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.mode = model::AnnounceMode::kNone;
  world.stores.pools.put(pool);
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.lastReport.problems, IsEmpty());
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
}

TEST_F(NodeReconcilerTest, TakesOverFromANodeThatDied) {
  world.sync();
  world.addWeb("n2");
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  const auto before = world.takeWrites();
  EXPECT_GT(before, 0U);
  for (int i = 0; i < 4; ++i) {
    world.clock.advance(2s);
    daemon.reconcileOnce();
  }
  EXPECT_EQ(world.takeWrites(), 1U) << "all but the announcement was there before";
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
  EXPECT_THAT(world.network.takeAnnouncements(), SizeIs(1));
}

TEST_F(NodeReconcilerTest, ARestartWithdrawsNothingThoughALeaseOfADeadNodeIsStillThere) {
  world.sync();
  world.stores.nodes.put(test::node("n3", "10.0.0.3"));
  for (int i = 1; i <= 12; ++i) {
    const std::string name = "s" + std::to_string(i);
    const std::string vip = "192.0.2." + std::to_string(i);
    world.stores.services.put(service(name, {vip}));
    world.stores.ipObjects.put(ipObject(name, vip, "n1"));
  }
  {
    Daemon first(world);
    first.renew("n2");
    first.reconcileOnce();
    ASSERT_EQ(first.reconciler->announcedCount(), 12U)
        << "no more than twice the mean of two nodes";
  }
  Daemon second(world);
  second.renew("n3");  // it is dead
  for (int i = 0; i < 10; ++i) {
    second.renew("n2");
    second.reconcileOnce();
    EXPECT_EQ(second.reconciler->announcedCount(), 12U) << i;
    world.clock.advance(1s);
  }
}

TEST_F(NodeReconcilerTest, WhileTheApiServerIsAwayNothingMoves) {
  world.sync();
  world.addWeb("n2");
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  (void)world.takeWrites();
  for (int i = 0; i < 60; ++i) {
    world.clock.advance(1s);
    daemon.reconciler->reconcileOnce();
  }
  EXPECT_EQ(world.takeWrites(), 0U);
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
}

TEST_F(NodeReconcilerTest, WhileTheApiServerIsAwayNobodyIsRemindedOfVips) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  for (int i = 0; i < 10; ++i) {
    daemon.reconcileOnce();
    world.clock.advance(1s);
  }
  (void)world.network.takeAnnouncements();
  for (int i = 0; i < 300; ++i) {
    world.clock.advance(1s);
    daemon.reconciler->reconcileOnce();
  }
  EXPECT_THAT(world.network.takeAnnouncements(), IsEmpty()) << "somebody may have taken over";
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

TEST_F(NodeReconcilerTest, ADeletedServiceLeavesNothing) {
  world.sync();
  Daemon daemon(world);
  daemon.reconcileOnce();
  const auto plumbing = world.node.owned();
  world.addWeb();
  daemon.reconcileOnce();
  world.stores.services.erase({"default", "web"});
  world.stores.slices.erase({"default", "web-4"});
  world.stores.ipObjects.erase({"default", "web-192.0.2.1"});
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), IsEmpty());
  EXPECT_THAT(world.director.owned(), IsEmpty());
  EXPECT_EQ(world.node.owned(), plumbing);
  EXPECT_EQ(world.filter.state(), net::FilterState{});
  EXPECT_EQ(daemon.reconciler->announcedCount(), 0U);
}

TEST_F(NodeReconcilerTest, AnInterfaceThatLosesItsCarrierIsToldOnceAndAtOnce) {
  world.sync();
  Daemon daemon(world);
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.down, Optional(IsEmpty()));
  net::Device device = world.node.device("eth0").value();
  device.running = false;
  world.node.addDevice(device);
  daemon.down.reset();
  world.clock.advance(2s);
  daemon.reconciler->networkChanged();
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.down, Optional(ElementsAre("eth0")));
  daemon.down.reset();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(daemon.down, std::nullopt);
}

// Several Services on one VIP.

class SharedVipReconcilerTest : public NodeReconcilerTest,
                                public testing::WithParamInterface<Placement> {
 protected:
  /// What is written when the Service, its endpoints and its record go in this order.
  void expectTheOtherUntouched(const std::string& gone, const ipvs::VirtualServerKey& its,
                               bool recordFirst) {
    world.sync();
    world.addTwoOnOneVip();
    Daemon daemon(world, GetParam());
    daemon.reconcileOnce();
    const auto nodeObjects = world.node.owned();
    const auto balancerObjects = world.director.owned();
    (void)world.takeWrites();
    (void)world.network.takeAnnouncements();

    const kube::ObjectKey record{"default", gone + "-192.0.2.1"};
    if (recordFirst) {
      world.stores.ipObjects.erase(record);
      daemon.reconcileOnce();
      EXPECT_EQ(world.takeWrites(), 0U) << "the Service is still there";
    }
    world.stores.services.erase({"default", gone});
    daemon.reconcileOnce();
    world.stores.slices.erase({"default", gone + "-4"});
    world.stores.ipObjects.erase(record);
    daemon.reconcileOnce();
    world.clock.advance(31s);
    daemon.reconcileOnce();

    const auto writes = world.ipvs.takeWrites();
    ASSERT_THAT(writes, SizeIs(1));
    EXPECT_EQ(writes[0].kind, Op::Kind::kDeleteVirtualServer);
    EXPECT_EQ(writes[0].virtualServer, its);
    EXPECT_THAT(world.node.takeWrites(), IsEmpty());
    EXPECT_THAT(world.director.takeWrites(), IsEmpty());
    EXPECT_EQ(world.node.owned(), nodeObjects);
    EXPECT_EQ(world.director.owned(), balancerObjects);
    EXPECT_EQ(daemon.reconciler->announcedCount(), 1U);
    EXPECT_THAT(daemon.lastReport.ipObjects, SizeIs(1));
  }
};

TEST_P(SharedVipReconcilerTest, LosesOnlyTheVirtualServersOfTheFirstWhenThatIsDeleted) {
  expectTheOtherUntouched("web", tcp("192.0.2.1", 80), false);
}

TEST_P(SharedVipReconcilerTest, LosesOnlyTheVirtualServersOfTheSecondWhenThatIsDeleted) {
  expectTheOtherUntouched("web-tls", tcp("192.0.2.1", 443), false);
}

TEST_P(SharedVipReconcilerTest, IsUntouchedWhenARecordGoesBeforeItsService) {
  expectTheOtherUntouched("web", tcp("192.0.2.1", 80), true);
}

TEST_P(SharedVipReconcilerTest, GainsOnlyVirtualServersWhenAServiceJoins) {
  world.sync();
  world.addWeb();
  Daemon daemon(world, GetParam());
  daemon.reconcileOnce();
  (void)world.takeWrites();
  (void)world.network.takeAnnouncements();
  world.addTwoOnOneVip("n1", "");
  daemon.reconcileOnce();
  for (const Op& op : world.ipvs.takeWrites()) {
    EXPECT_EQ(op.virtualServer, tcp("192.0.2.1", 443)) << ipvs::toString(op);
  }
  EXPECT_THAT(world.node.takeWrites(), IsEmpty());
  EXPECT_THAT(world.director.takeWrites(), IsEmpty());
  EXPECT_THAT(world.network.takeAnnouncements(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Placements, SharedVipReconcilerTest,
                         testing::Values(Placement::kDirector, Placement::kHost),
                         [](const auto& test) {
                           return test.param == Placement::kHost ? "host" : "director";
                         });

TEST_F(NodeReconcilerTest, TheOwnerReportsInEveryRecordOfTheVip) {
  world.sync();
  world.addTwoOnOneVip("n1", "");
  Daemon daemon(world);
  daemon.reconcileOnce();
  const VipReport known{ip("192.0.2.1"), true, "n1", std::nullopt};
  const VipReport added{ip("192.0.2.1"), true, "", std::nullopt};
  const std::map<kube::ObjectKey, VipReport> reports{{{"default", "web-192.0.2.1"}, known},
                                                     {{"default", "web-tls-192.0.2.1"}, added}};
  EXPECT_EQ(daemon.lastReport.ipObjects, reports);
}

TEST_F(NodeReconcilerTest, RecordsItselfAgainWhenTheRecordOfAnAnnouncedVipWasMadeAnew) {
  // More than the hash gives to one of two nodes.
  world.sync();
  std::vector<std::string> vips;
  for (int i = 1; i <= 4; ++i) vips.push_back("192.0.2." + std::to_string(i));
  for (const std::string& vip : vips) {
    world.stores.services.put(service("s-" + vip, {vip}));
    world.stores.ipObjects.put(ipObject("s-" + vip, vip, "n1"));
  }
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  ASSERT_EQ(daemon.reconciler->announcedCount(), 4U);
  for (const std::string& vip : vips) world.stores.ipObjects.erase(ipObject("s-" + vip, vip).key);
  daemon.reconcileOnce();
  for (const std::string& vip : vips) world.stores.ipObjects.put(ipObject("s-" + vip, vip));
  for (int i = 0; i < 3; ++i) {
    daemon.renew("n2");
    daemon.reconcileOnce();
    EXPECT_EQ(daemon.reconciler->announcedCount(), 4U);
    EXPECT_THAT(daemon.lastReport.ipObjects, SizeIs(4));
    for (const auto& [key, one] : daemon.lastReport.ipObjects) EXPECT_TRUE(one.announced);
    world.clock.advance(2s);
  }
}

TEST_F(NodeReconcilerTest, AServiceThatJoinsDoesNotMoveTheVip) {
  world.sync();
  world.addTwoOnOneVip("", "n2");
  Daemon daemon(world);
  daemon.renew("n2");
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Not(Contains(kProxy)));
  EXPECT_THAT(daemon.lastReport.ipObjects, IsEmpty());
}

TEST_F(NodeReconcilerTest, EveryServiceOfAVipThatNobodyMayAnnounceIsTold) {
  world.sync();
  world.addTwoOnOneVip();
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.interfaces = {"eth9"};
  world.stores.pools.put(pool);
  Daemon daemon(world);
  daemon.reconcileOnce();
  std::vector<std::string> told;
  for (const Problem& problem : daemon.lastReport.problems) told.push_back(problem.service.name);
  EXPECT_THAT(told, ElementsAre("web", "web-tls"));
}

// A wish that the operator refused.

TEST_F(NodeReconcilerTest, AServiceIsServedOnWithoutAWriteWhenTheOperatorRefusesAnEditOfIt) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  (void)world.takeWrites();
  world.stores.services.put(refused(service("web", {"192.0.2.1"})));
  daemon.reconcileOnce();
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_EQ(world.takeWrites(), 0U);
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
  EXPECT_THAT(world.node.owned(), Contains(kProxy));
}

// Draining.

TEST_F(NodeReconcilerTest, AnEndpointThatGoesKeepsItsConnectionsUntilTheyEnd) {
  world.sync();
  world.addWeb();
  Daemon daemon(world);
  daemon.reconcileOnce();
  world.stores.slices.put(slice("web", {{"10.1.0.2", "n2"}}));
  world.ipvs.setConnections(tcp("192.0.2.1", 80), real("10.1.0.1"), 1, 0);
  daemon.reconcileOnce();
  EXPECT_EQ(world.ipvs.table()[0].realServers[0].weight, 0U);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table()[0].realServers, SizeIs(2));
  EXPECT_EQ(daemon.metric("barevip_node_draining_real_servers"), 1);
  world.ipvs.setConnections(tcp("192.0.2.1", 80), real("10.1.0.1"), 0, 0);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table()[0].realServers, SizeIs(1));
}

// Placement host.

// On the host IPVS takes the node's own connections to a VIP that is no address of it, too.
TEST_F(NodeReconcilerTest, OnTheHostAVipThatNoNodeHasYetIsNeitherServedNorForeignAfterARestart) {
  world.sync();
  world.addWeb("");
  for (int start = 0; start < 2; ++start) {
    Daemon daemon(world, Placement::kHost);
    daemon.renew("n1");
    daemon.reconciler->reconcileOnce();
    daemon.reconciler->answered(ip("192.0.2.1"), "02:00:00:00:00:66");
    daemon.reconciler->reconcileOnce();
    EXPECT_THAT(world.ipvs.table(), IsEmpty());
  }
  world.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n2"));
  Daemon daemon(world, Placement::kHost);
  daemon.renew("n2");
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
}

TEST_F(NodeReconcilerTest, OnTheHostForeignVirtualServersAndAddressesAreUntouched) {
  world.sync();
  world.addWeb();
  const ipvs::VirtualServer foreign{tcp("198.51.100.1", 80), {"lc", 0, 0}, {{real("10.9.0.1"), 7}}};
  world.ipvs.put(foreign);
  world.node.addForeign(BoundAddress{ip("198.51.100.1"), "eth0"});
  Daemon daemon(world, Placement::kHost);
  daemon.reconcileOnce();
  ASSERT_THAT(world.ipvs.table(), SizeIs(2));
  EXPECT_THAT(world.ipvs.table(), Contains(foreign));
  EXPECT_EQ(world.ipvs.takeTimeoutWrites(), 0) << "they are the foreign server's, too";
  EXPECT_THAT(world.node.owned(), ElementsAre(NetObject(BoundAddress{ip("192.0.2.1"), "barevip0"}),
                                              NetObject(BoundAddress{ip("192.0.2.1"), "eth0"})));
  world.stores.services.erase({"default", "web"});
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), ElementsAre(foreign));
  EXPECT_THAT(world.node.owned(), IsEmpty());
  EXPECT_THAT(world.node.foreign(), SizeIs(1));
}

TEST_F(NodeReconcilerTest, OnTheHostAVipThatSomebodyTookFromTheDummyComesBack) {
  world.sync();
  world.addWeb();
  Daemon daemon(world, Placement::kHost);
  daemon.reconcileOnce();
  world.node.remove(BoundAddress{ip("192.0.2.1"), "barevip0"});
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), SizeIs(2));
  EXPECT_EQ(daemon.metric("barevip_node_service_problems"), 0);
}

TEST_F(NodeReconcilerTest, OnTheHostAnAddressThatWeWithdrewIsNotTakenForAStrangers) {
  world.sync();
  world.addWeb();
  Daemon daemon(world, Placement::kHost);
  daemon.renew("n2");
  daemon.reconcileOnce();
  world.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n2"));
  daemon.reconcileOnce();
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(),
              ElementsAre(NetObject(BoundAddress{ip("192.0.2.1"), "barevip0"})));
  EXPECT_EQ(daemon.metric("barevip_node_service_problems"), 0);
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
}

TEST_F(NodeReconcilerTest, OnTheHostAVirtualServerOfAnotherHandIsReportedAndNotFoughtFor) {
  world.sync();
  world.addWeb();
  const ipvs::VirtualServer foreign{tcp("192.0.2.1", 443), {"lc", 0, 0}, {}};
  world.ipvs.put(foreign);
  Daemon daemon(world, Placement::kHost);
  daemon.reconcileOnce();
  EXPECT_THAT(world.ipvs.table(), ElementsAre(foreign));
  EXPECT_THAT(world.node.owned(), IsEmpty());
  EXPECT_EQ(daemon.metric("barevip_node_service_problems"), 1);
}

// Threads.

TEST_F(NodeReconcilerTest, RunsUntilItIsStopped) {
  world.sync();
  Daemon daemon(world);
  std::jthread thread([&](const std::stop_token& stop) { daemon.reconciler->run(stop); });
  daemon.renew("n1");
  world.addWeb();
  daemon.reconciler->wake();
  for (int i = 0; i < 5000 && world.ipvs.table().empty(); ++i) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_THAT(world.ipvs.table(), SizeIs(1));
}

// Several bind interfaces.

class TwoInterfacesTest : public NodeReconcilerTest, public testing::WithParamInterface<Placement> {
 protected:
  TwoInterfacesTest() {
    world.node.addDevice("eth1");
    world.sync();
    world.addWeb("");
    daemon.host.interfaces = {{"eth0", {IpPrefix::parse("10.0.0.0/24").value()}},
                              {"eth1", {IpPrefix::parse("192.0.2.0/24").value()}}};
  }
  [[nodiscard]] NetObject announcementOn(const std::string& device) const {
    if (GetParam() == Placement::kHost) return BoundAddress{ip("192.0.2.1"), device};
    return ProxyNeighbour{ip("192.0.2.1"), device};
  }

  Daemon daemon{world, GetParam(), {"eth0", "eth1"}};
};

TEST_P(TwoInterfacesTest, AVipIsAskedForAndAnnouncedWhereItsNetworkIs) {
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.lastQuestions.devices, IsEmpty()) << "nothing is open any more";
  EXPECT_THAT(world.node.owned(), Contains(announcementOn("eth1")));
  EXPECT_THAT(world.node.owned(), Not(Contains(announcementOn("eth0"))));
  for (const auto& one : world.network.takeAnnouncements()) EXPECT_EQ(one.device, "eth1");
  EXPECT_EQ(daemon.reconciler->announcedCount(), 1U);
}

TEST_P(TwoInterfacesTest, AVipWhoseNetworkGetsAnotherInterfaceFollowsIt) {
  daemon.reconcileOnce();
  std::swap(daemon.host.interfaces[0].subnets, daemon.host.interfaces[1].subnets);
  world.clock.advance(31s);
  daemon.reconcileOnce();
  EXPECT_THAT(world.node.owned(), Contains(announcementOn("eth0")));
  EXPECT_THAT(world.node.owned(), Not(Contains(announcementOn("eth1"))));
}

TEST_P(TwoInterfacesTest, EachIsToldByItselfWhenItLosesItsCarrier) {
  daemon.reconcileOnce();
  net::Device device = world.node.device("eth1").value();
  device.running = false;
  world.node.addDevice(device);
  world.clock.advance(2s);
  daemon.reconciler->networkChanged();
  daemon.reconcileOnce();
  EXPECT_THAT(daemon.down, Optional(ElementsAre("eth1")));
}

TEST_P(TwoInterfacesTest, WhatWasAnnouncedThereByOneAloneIsAdopted) {
  daemon.host.interfaces[0].subnets.swap(daemon.host.interfaces[1].subnets);
  {
    Daemon before(world, GetParam());
    before.reconcileOnce();
  }
  EXPECT_THAT(world.node.owned(), Contains(announcementOn("eth0")));
  world.stores.ipObjects.put(ipObject("web", "192.0.2.1", "n1"));
  daemon.reconcileOnce();
  for (const NetOp& op : world.node.takeWrites()) {
    EXPECT_FALSE(op == (NetOp{NetOp::Kind::kDelete, announcementOn("eth0")}));
  }
  EXPECT_THAT(world.node.owned(), Contains(announcementOn("eth0")));
}

INSTANTIATE_TEST_SUITE_P(Placements, TwoInterfacesTest,
                         testing::Values(Placement::kDirector, Placement::kHost),
                         [](const auto& one) {
                           return one.param == Placement::kHost ? "Host" : "Director";
                         });

}  // namespace
}  // namespace barevip::node::test
