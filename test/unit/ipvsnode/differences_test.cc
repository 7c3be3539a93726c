// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/inspect/differences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::HasSubstr;

/// A cluster with one Service of two endpoints, and the kernel as the daemon would have made it.
struct Node {
  ClusterBuilder cluster;
  KernelState kernel;
  std::vector<net::BoundAddress> addresses;
  DesiredOptions with;

  explicit Node(Placement placement = Placement::kDirector) : with(options(placement)) {
    cluster.add(service("web", {"192.0.2.1"}))
        .add(slice("web", {{"10.1.0.1"}, {"10.1.0.2"}}))
        .add(ipObject("web", "192.0.2.1", "n1"));
    const DesiredState desired = computeDesired(cluster.state, with, {});
    for (const auto& server : desired.virtualServers) {
      kernel.virtualServers.emplace(server.key, server);
    }
    kernel.timeouts = with.timeouts;
    kernel.nodeObjects = itemsOf(desired.nodeObjects);
    kernel.nodeObjects.insert(announcementOf(ip("192.0.2.1"), with));
    kernel.balancerObjects = itemsOf(desired.balancerObjects);
  }

  ipvs::VirtualServer& web() { return kernel.virtualServers.at(tcp("192.0.2.1", 80)); }
  void record(const std::string& announcer) {
    cluster.state.ipObjects.clear();
    cluster.add(ipObject("web", "192.0.2.1", announcer));
  }
  [[nodiscard]] std::vector<Difference> differences() const {
    return differencesOf(makeDump(cluster.state, kernel, addresses, {}, with));
  }
};

TEST(Differences, ThereIsNoneWhereAllIsAsItShouldBe) {
  EXPECT_EQ(Node().differences(), std::vector<Difference>{});
  EXPECT_EQ(Node(Placement::kHost).differences(), std::vector<Difference>{});
}

struct ReasonCase {
  const char* name;
  std::function<void(Node&)> change;
  const char* subject;
  const char* reason;
  Placement placement = Placement::kDirector;
};

class DifferenceReasons : public testing::TestWithParam<ReasonCase> {};

TEST_P(DifferenceReasons, AreNamed) {
  Node node(GetParam().placement);
  GetParam().change(node);
  const std::vector<Difference> found = node.differences();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].subject, HasSubstr(GetParam().subject));
  EXPECT_THAT(found[0].reason, HasSubstr(GetParam().reason));
}

const ipvs::VirtualServerKey kOther = tcp("192.0.2.9", 80);

INSTANTIATE_TEST_SUITE_P(
    All, DifferenceReasons,
    testing::Values(
        ReasonCase{"MissingVirtualServer", [](Node& n) { n.kernel.virtualServers.clear(); },
                   "TCP 192.0.2.1:80", "the kernel lacks it"},
        ReasonCase{"LeftoverVirtualServer",
                   [](Node& n) {
                     n.kernel.virtualServers[kOther] = {kOther, {}, {}};
                   },
                   "TCP 192.0.2.9:80", "no Service needs it"},
        ReasonCase{"VirtualServerOfAnotherProgram",
                   [](Node& n) {
                     n.kernel.virtualServers[kOther] = {kOther, {}, {}};
                   },
                   "TCP 192.0.2.9:80", "barevip leaves it alone", Placement::kHost},
        ReasonCase{"AnotherScheduler", [](Node& n) { n.web().options.scheduler = "lc"; },
                   "TCP 192.0.2.1:80", "the kernel has lc with flags 0, wanted is rr"},
        ReasonCase{"MissingRealServer", [](Node& n) { n.web().realServers.pop_back(); },
                   "TCP 192.0.2.1:80 -> 10.1.0.2:8080", "the kernel lacks it"},
        ReasonCase{"AnotherWeight", [](Node& n) { n.web().realServers[0].weight = 0; },
                   "-> 10.1.0.1:8080", "its weight is 0, wanted is 1"},
        ReasonCase{"AnotherMethod", [](Node& n) { n.web().realServers[0].foreignMethod = true; },
                   "-> 10.1.0.1:8080", "another forwarding method"},
        ReasonCase{"DrainingRealServer",
                   [](Node& n) {
                     n.web().realServers.push_back({real("10.1.0.9"), 0, 2, 3});
                   },
                   "-> 10.1.0.9:8080", "it drains: 5 connections are left"},
        ReasonCase{"RealServerThatIsNotDrainingYet",
                   [](Node& n) { n.web().realServers.push_back({real("10.1.0.9")}); },
                   "-> 10.1.0.9:8080", "begins to drain it"},
        ReasonCase{"Timeouts", [](Node& n) { n.kernel.timeouts.tcp = std::chrono::seconds(900); },
                   "timeouts of IPVS", "wanted are tcp 7260s"},
        ReasonCase{"MissingAddress", [](Node& n) { n.kernel.balancerObjects.clear(); },
                   "address 192.0.2.1", "the kernel lacks it"},
        ReasonCase{
            "RecordedHereAndNotAnnounced",
            [](Node& n) { n.kernel.nodeObjects.erase(announcementOf(ip("192.0.2.1"), n.with)); },
            "192.0.2.1", "records this node as the announcer"},
        ReasonCase{"AnnouncedAndRecordedElsewhere", [](Node& n) { n.record("n2"); }, "192.0.2.1",
                   "its IP object records n2"}),
    [](const auto& parameters) { return parameters.param.name; });

TEST(Differences, AVipThatSomethingElseHasSaysWho) {
  Node node;
  node.addresses = {{ip("192.0.2.1"), "eth1"}};
  const auto found = node.differences();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].subject, "192.0.2.1");
  EXPECT_THAT(found[0].reason, HasSubstr("is held on node n1 by"));
}

TEST(Differences, AVipThatNobodyAnnouncesYetSaysSo) {
  Node node;
  node.record("");
  node.kernel.virtualServers.clear();
  node.kernel.balancerObjects.clear();
  std::erase_if(node.kernel.nodeObjects, [](const net::NetObject& item) {
    return net::toString(item).find("192.0.2.1") != std::string::npos;
  });
  const auto found = node.differences();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].subject, "192.0.2.1");
  EXPECT_THAT(found[0].reason, HasSubstr("no node announces it yet"));
}

TEST(Differences, ComeByVipWithThoseOfAllVipsFirst) {
  Node node;
  node.kernel.timeouts.tcp = std::chrono::seconds(900);
  node.kernel.virtualServers[tcp("192.0.2.0", 80)] = {tcp("192.0.2.0", 80), {}, {}};
  node.kernel.balancerObjects.clear();
  const auto found = node.differences();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].vip, std::nullopt);
  EXPECT_EQ(found[1].vip, ip("192.0.2.0"));
  EXPECT_EQ(found[2].vip, ip("192.0.2.1"));
}

}  // namespace
}  // namespace barevip::node::test
