// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/desired.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using net::BoundAddress;
using net::NetObject;
using net::ProxyNeighbour;
using net::Route;
using net::Rule;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

DesiredState desired(const ClusterBuilder& cluster, const DesiredOptions& with = options(),
                     const LocalFacts& local = {}) {
  return computeDesired(cluster.state, with, local);
}

ClusterBuilder webOn(std::initializer_list<EndpointSpec> endpoints,
                     void (*change)(model::Service&) = nullptr) {
  model::Service web = service("web", {"192.0.2.1"});
  if (change != nullptr) change(web);
  return ClusterBuilder().add(web).add(slice("web", endpoints));
}

TEST(Desired, OneVirtualServerForEachPortWithItsEndpointsInOrder) {
  const DesiredState state = desired(webOn({{"10.1.0.2", "n2"}, {"10.1.0.1", "n1"}}));
  ASSERT_THAT(state.virtualServers, SizeIs(1));
  const ipvs::VirtualServer& server = state.virtualServers[0];
  EXPECT_EQ(server.key, tcp("192.0.2.1", 80));
  EXPECT_EQ(server.options, (ipvs::VirtualServerOptions{"rr", 0, 0}));
  EXPECT_THAT(server.realServers,
              ElementsAre(ipvs::RealServer{real("10.1.0.1")}, ipvs::RealServer{real("10.1.0.2")}));
  EXPECT_THAT(state.problems, IsEmpty());
}

TEST(Desired, AServiceWithoutEndpointsHasItsVirtualServerSoThatClientsAreRefusedAtOnce) {
  const DesiredState state = desired(webOn({}));
  ASSERT_THAT(state.virtualServers, SizeIs(1));
  EXPECT_THAT(state.virtualServers[0].realServers, IsEmpty());
}

TEST(Desired, NothingIsDesiredOfAnEmptyClusterButThePlumbing) {
  const DesiredState state = desired(ClusterBuilder());
  EXPECT_THAT(state.virtualServers, IsEmpty());
  EXPECT_THAT(itemsOf(state.balancerObjects), IsEmpty());
  EXPECT_EQ(state.filter, net::FilterState{});
  EXPECT_THAT(itemsOf(state.nodeObjects),
              UnorderedElementsAre(NetObject(Rule{Family::kIpv4, 118, 11802, "", 0x1000, 0x1f00}),
                                   NetObject(Rule{Family::kIpv6, 118, 11802, "", 0x1000, 0x1f00}),
                                   NetObject(Rule{Family::kIpv4, 119, 11801, "eth0", 0, 0}),
                                   NetObject(Rule{Family::kIpv6, 119, 11801, "eth0", 0, 0}),
                                   NetObject(Route{IpPrefix::parse("0.0.0.0/0").value(), 11802,
                                                   ip("169.254.77.2"), "bvip-out"}),
                                   NetObject(Route{IpPrefix::parse("::/0").value(), 11802,
                                                   ip("fd77:6276:6970::2"), "bvip-out"})));
}

TEST(Desired, DirectorHoldsTheVipAndTheNodeRoutesItByBothPairs) {
  const DesiredState state =
      desired(ClusterBuilder().add(service("web", {"192.0.2.1", "2001:db8::1"})));
  EXPECT_THAT(itemsOf(state.balancerObjects),
              UnorderedElementsAre(NetObject(BoundAddress{ip("192.0.2.1"), "lo"}),
                                   NetObject(BoundAddress{ip("2001:db8::1"), "lo"})));
  const auto host = [](const char* vip) { return IpPrefix::host(ip(vip)); };
  for (const NetObject& item : {
           NetObject(Route{host("192.0.2.1"), net::kMainTable, ip("169.254.77.6"), "bvip-in"}),
           NetObject(Route{host("192.0.2.1"), net::kOutsideTable, ip("169.254.77.2"), "bvip-out"}),
           NetObject(
               Route{host("2001:db8::1"), net::kMainTable, ip("fd77:6276:6970::6"), "bvip-in"}),
           NetObject(
               Route{host("2001:db8::1"), net::kOutsideTable, ip("fd77:6276:6970::2"), "bvip-out"}),
       }) {
    EXPECT_THAT(itemsOf(state.nodeObjects), Contains(item)) << net::toString(item);
  }
  EXPECT_THAT(state.announcements, IsEmpty());
}

TEST(Desired, HostPlacementHoldsTheVipOnTheDummyOnly) {
  const DesiredState state = desired(webOn({}), options(Placement::kHost));
  EXPECT_THAT(itemsOf(state.nodeObjects),
              ElementsAre(NetObject(BoundAddress{ip("192.0.2.1"), "barevip0"})));
  EXPECT_THAT(itemsOf(state.balancerObjects), IsEmpty());
}

TEST(Desired, AnAnnouncementIsAProxyNeighbourOrTheAddressOnTheInterface) {
  EXPECT_EQ(announcementOf(ip("192.0.2.1"), options()),
            NetObject(ProxyNeighbour{ip("192.0.2.1"), "eth0"}));
  EXPECT_EQ(announcementOf(ip("192.0.2.1"), options(Placement::kHost)),
            NetObject(BoundAddress{ip("192.0.2.1"), "eth0"}));
  EXPECT_TRUE(isAnnouncement(ProxyNeighbour{ip("192.0.2.1"), "eth1"}));
  EXPECT_TRUE(isAnnouncement(BoundAddress{ip("192.0.2.1"), "eth1"}));
  EXPECT_FALSE(isAnnouncement(BoundAddress{ip("192.0.2.1"), "barevip0"}));
  EXPECT_FALSE(isAnnouncement(Rule{}));
}

TEST(Desired, WithoutIpv6OnTheNodeVipsOfThatFamilyAreReportedAndTheRestIsServed) {
  DesiredOptions with = options();
  with.ipv6 = false;
  const DesiredState state =
      desired(ClusterBuilder().add(service("web", {"192.0.2.1", "2001:db8::1"})), with);
  EXPECT_THAT(state.virtualServers, SizeIs(1));
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_EQ(state.problems[0].reason, "NoIPv6");
  for (const auto& [item, beneficiary] : state.nodeObjects) {
    const auto* rule = std::get_if<Rule>(&item);
    EXPECT_TRUE(rule == nullptr || rule->family == Family::kIpv4);
  }
}

TEST(Desired, SessionAffinityBecomesPersistence) {
  const DesiredState state =
      desired(webOn({}, [](model::Service& s) { s.affinitySeconds = 10800; }));
  EXPECT_EQ(state.virtualServers[0].options,
            (ipvs::VirtualServerOptions{"rr", ipvs::kPersistent, 10800}));
}

TEST(Desired, AnAffinityThatIpvsMustKeepForLongerIsReportedForEachProtocol) {
  model::Service web = service("web", {"192.0.2.1"});
  web.ports.push_back({"dns", model::Protocol::kUdp, 53});
  const auto problems = [&](std::uint32_t seconds) {
    web.affinitySeconds = seconds;
    return desired(ClusterBuilder().add(web)).problems;
  };
  ASSERT_THAT(problems(5), SizeIs(2));
  for (const Problem& problem : problems(5)) EXPECT_EQ(problem.reason, "SessionAffinityLonger");
  EXPECT_THAT(problems(5)[0].message, HasSubstr("up to 180 s after its last TCP connection"));
  EXPECT_THAT(problems(5)[1].message, HasSubstr("up to 360 s after its last UDP connection"));
  EXPECT_THAT(problems(119), SizeIs(2));
  EXPECT_THAT(problems(120), SizeIs(1)) << "that of UDP";
  EXPECT_THAT(problems(300), IsEmpty());
}

TEST(Desired, AnnotationChoosesTheSchedulerWithTheFlagsThatItNeeds) {
  const DesiredState state =
      desired(webOn({}, [](model::Service& s) { s.annotations["barevip.dev/scheduler"] = "mh"; }));
  EXPECT_EQ(state.virtualServers[0].options, (ipvs::VirtualServerOptions{"mh", 0x18, 0}));
  EXPECT_EQ(schedulerFlags("sh"), ipvs::kSchedulerFlag1);
  EXPECT_EQ(schedulerFlags("wlc"), 0U);
}

TEST(Desired, AnUnknownSchedulerIsReportedAndTheDefaultServes) {
  DesiredOptions with = options();
  with.scheduler = "lc";
  const DesiredState state = desired(
      webOn({}, [](model::Service& s) { s.annotations["barevip.dev/scheduler"] = "best"; }), with);
  EXPECT_EQ(state.virtualServers[0].options.scheduler, "lc");
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_EQ(state.problems[0].reason, "UnknownScheduler");
  EXPECT_THAT(state.problems[0].message, HasSubstr("\"best\""));
}

TEST(Desired, ASchedulerThatTheKernelLacksIsReportedAndTheDefaultServes) {
  LocalFacts local;
  local.missingSchedulers = {"mh"};
  const DesiredState state =
      desired(webOn({}, [](model::Service& s) { s.annotations["barevip.dev/scheduler"] = "mh"; }),
              options(), local);
  EXPECT_EQ(state.virtualServers[0].options, (ipvs::VirtualServerOptions{"rr", 0, 0}));
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_THAT(state.problems[0].message, HasSubstr("ip_vs_mh"));
}

TEST(Desired, AnAddressThatSomethingElseHoldsHereIsReportedAndNotFoughtFor) {
  LocalFacts local;
  local.held[ip("192.0.2.1")] = "device eth0";
  const DesiredState state = desired(webOn({{"10.1.0.1", "n1"}}), options(), local);
  EXPECT_THAT(state.virtualServers, IsEmpty());
  EXPECT_EQ(state.filter, net::FilterState{});
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_EQ(state.problems[0].reason, "AddressInUse");
  EXPECT_THAT(state.problems[0].message, HasSubstr("device eth0"));
}

TEST(Desired, VipsAreThoseOfTheClusterWhateverThisNodeCanServe) {
  const auto cluster = ClusterBuilder().add(service("web", {"192.0.2.1", "2001:db8::1"}));
  DesiredOptions with = options();
  with.ipv6 = false;
  LocalFacts local;
  local.held[ip("192.0.2.1")] = "device eth0";
  const DesiredState state = desired(cluster, with, local);
  ASSERT_THAT(state.vips, SizeIs(2));
  for (const ServedVip& vip : state.vips) {
    EXPECT_FALSE(vip.servedHere) << vip.address.toString();
    EXPECT_THAT(vip.services, SizeIs(1));
  }
}

void makeLocal(model::Service& s) { s = local(s); }

TEST(Desired, LocalKeepsTheClientsAddressWhereThisNodeHasEndpoints) {
  const DesiredState here = desired(webOn({{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}, makeLocal));
  EXPECT_THAT(here.filter.keepClient, ElementsAre(tcp("192.0.2.1", 80)));
  EXPECT_THAT(here.virtualServers[0].realServers, ElementsAre(ipvs::RealServer{real("10.1.0.1")}));
  EXPECT_THAT(here.vips[0].endpointNodes, UnorderedElementsAre("n1", "n2"));
  EXPECT_THAT(here.vips[0].commonNodes, UnorderedElementsAre("n1", "n2"));
}

TEST(Desired, LocalWithoutEndpointsHereServesTheInsideMasqueraded) {
  const DesiredState away = desired(webOn({{"10.1.0.2", "n2"}}, makeLocal));
  EXPECT_THAT(away.filter.keepClient, IsEmpty());
  EXPECT_THAT(away.virtualServers[0].realServers, ElementsAre(ipvs::RealServer{real("10.1.0.2")}));
}

TEST(Desired, ClusterNeverKeepsTheClientsAddress) {
  EXPECT_THAT(desired(webOn({{"10.1.0.1", "n1"}})).filter.keepClient, IsEmpty());
}

TEST(Desired, FilterKnowsEveryVipAndVirtualServer) {
  const DesiredState state =
      desired(ClusterBuilder().add(service("a", {"192.0.2.1"})).add(service("b", {"192.0.2.2"})));
  EXPECT_THAT(state.filter.vips, ElementsAre(ip("192.0.2.1"), ip("192.0.2.2")));
  EXPECT_THAT(state.filter.virtualServers, ElementsAre(tcp("192.0.2.1", 80), tcp("192.0.2.2", 80)));
  EXPECT_THAT(state.filter.sourceRanges, IsEmpty());
}

TEST(Desired, AnEndpointThatIsAVipItselfWouldLoopAndIsReported) {
  const DesiredState state = desired(webOn({{"192.0.2.1"}, {"10.1.0.1"}}));
  EXPECT_THAT(state.virtualServers[0].realServers, ElementsAre(ipvs::RealServer{real("10.1.0.1")}));
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_EQ(state.problems[0].reason, "EndpointRefused");
  EXPECT_EQ(state.problems[0].message,
            "endpoint 192.0.2.1 is left out: it is the address of a load balancer; correct the "
            "EndpointSlice, give the Service a selector, or let the nodes trust its namespace with "
            "--trust-endpoints-of");
}

TEST(Desired, EndpointsThatAreRefusedAreOneProblemOfAServiceWhateverItsPorts) {
  model::Service web = service("web", {"192.0.2.1"});
  web.ports.push_back({"admin", model::Protocol::kTcp, 81, 0});
  model::EndpointSlice byHand = slice("web", {{"172.18.0.2"}, {"172.18.0.3"}, {"10.1.0.1"}});
  byHand.ports.push_back({"admin", model::Protocol::kTcp, 8081});
  const DesiredState state = desired(ClusterBuilder()
                                         .add(web)
                                         .add(byHand)
                                         .add(node("n1", "172.18.0.2"))
                                         .add(node("n2", "172.18.0.3")));
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_EQ(state.problems[0].message,
            "endpoint 172.18.0.2 is left out, and so is 1 more: it is the address of node n1; "
            "correct the EndpointSlice, give the Service a selector, or let the nodes trust its "
            "namespace with --trust-endpoints-of");
  EXPECT_THAT(state.virtualServers, SizeIs(2));
  EXPECT_THAT(state.virtualServers[0].realServers, ElementsAre(ipvs::RealServer{real("10.1.0.1")}));
}

// Services that share a VIP.

TEST(SharedVip, HasTheServicesAndTheirRecords) {
  const DesiredState state = desired(ClusterBuilder()
                                         .add(onPort(443, service("b", {"192.0.2.1"})))
                                         .add(service("a", {"192.0.2.1"}))
                                         .add(ipObject("b", "192.0.2.1"))
                                         .add(ipObject("a", "192.0.2.1"))
                                         .add(ipObject("stranger", "192.0.2.1")));
  ASSERT_THAT(state.vips, SizeIs(1));
  EXPECT_THAT(state.vips[0].services, SizeIs(2));
  ASSERT_THAT(state.vips[0].ipObjects, SizeIs(2));
  EXPECT_EQ(state.vips[0].ipObjects[0]->key.name, "a-192.0.2.1");
  EXPECT_EQ(state.vips[0].ipObjects[1]->key.name, "b-192.0.2.1");
}

TEST(SharedVip, OfAReservationHasOneRecord) {
  const DesiredState state = desired(ClusterBuilder()
                                         .add(service("a", {"192.0.2.1"}))
                                         .add(onPort(443, service("b", {"192.0.2.1"})))
                                         .add(usedBy({"a", "b"}, "192.0.2.1")));
  EXPECT_THAT(state.vips[0].services, SizeIs(2));
  EXPECT_THAT(state.vips[0].ipObjects, SizeIs(1));
}

TEST(SharedVip, NeedsEachAddressAndRouteOnce) {
  const auto one = ClusterBuilder().add(service("a", {"192.0.2.1"}));
  auto two = one;
  two.add(onPort(443, service("b", {"192.0.2.1"})));
  EXPECT_EQ(desired(two).nodeObjects, desired(one).nodeObjects);
  EXPECT_EQ(desired(two).balancerObjects, desired(one).balancerObjects);
  EXPECT_EQ(desired(two).filter.vips, desired(one).filter.vips);
}

/// Services with policy Local on one VIP, and the nodes of their endpoints.
struct Placed {
  const char* name;
  std::vector<std::vector<std::string>> nodesOfServices;
  std::set<std::string> endpointNodes;
  std::set<std::string> commonNodes;
  std::size_t problems = 0;
};

class SharedVipOfPolicyLocal : public testing::TestWithParam<Placed> {};

TEST_P(SharedVipOfPolicyLocal, PrefersTheNodesThatHaveEndpointsOfEach) {
  ClusterBuilder cluster;
  // Policy Cluster does not restrict.
  cluster.add(onPort(1, service("cluster", {"192.0.2.1"})))
      .add(slice("cluster", {{"10.1.0.9", "n9"}}));
  std::uint16_t port = 80;
  for (const auto& nodes : GetParam().nodesOfServices) {
    const std::string name = "s" + std::to_string(port);
    model::EndpointSlice endpoints = slice(name, {});
    for (const std::string& node : nodes) {
      endpoints.endpoints.push_back({{ip("10.1.0.1")}, node, true, true, false});
    }
    cluster.add(local(onPort(port++, service(name, {"192.0.2.1"})))).add(endpoints);
  }
  const DesiredState state = desired(cluster);
  EXPECT_EQ(state.vips[0].endpointNodes, GetParam().endpointNodes);
  EXPECT_EQ(state.vips[0].commonNodes, GetParam().commonNodes);
  EXPECT_THAT(state.problems, SizeIs(GetParam().problems));
  for (const Problem& problem : state.problems) EXPECT_EQ(problem.reason, "NoCommonNode");
}

INSTANTIATE_TEST_SUITE_P(
    Desired, SharedVipOfPolicyLocal,
    testing::Values(Placed{"one", {{"n1", "n2"}}, {"n1", "n2"}, {"n1", "n2"}},
                    Placed{"overlapping", {{"n1", "n2"}, {"n2", "n3"}}, {"n1", "n2", "n3"}, {"n2"}},
                    Placed{"apart", {{"n1"}, {"n2"}}, {"n1", "n2"}, {}, 2},
                    Placed{"pairs_overlap_but_not_all",
                           {{"n1", "n2"}, {"n2", "n3"}, {"n3", "n1"}},
                           {"n1", "n2", "n3"},
                           {},
                           3},
                    Placed{
                        "one_without_endpoints", {{"n1", "n2"}, {}, {"n2"}}, {"n1", "n2"}, {"n2"}},
                    Placed{"none_with_endpoints", {{}, {}}, {}, {}},
                    Placed{"policy_cluster_alone", {}, {}, {}}),
    [](const auto& test) { return test.param.name; });

TEST(SharedVip, EachServiceHasItsOwnPolicyRangesAffinityAndScheduler) {
  model::Service open = service("open", {"192.0.2.1"});
  model::Service guarded = local(onPort(443, service("guarded", {"192.0.2.1"})));
  guarded.sourceRanges = {"10.0.0.0/8"};
  guarded.affinitySeconds = 600;
  guarded.annotations["barevip.dev/scheduler"] = "sh";
  const DesiredState state = desired(ClusterBuilder()
                                         .add(guarded)
                                         .add(open)
                                         .add(slice("open", {{"10.1.0.2", "n2"}}))
                                         .add(slice("guarded", {{"10.1.0.1", "n1"}})));
  const auto openKey = tcp("192.0.2.1", 80);
  const auto guardedKey = tcp("192.0.2.1", 443);
  ASSERT_THAT(state.virtualServers, SizeIs(2));
  EXPECT_EQ(state.virtualServers[0],
            (ipvs::VirtualServer{openKey, {"rr", 0, 0}, {{real("10.1.0.2")}}}));
  EXPECT_EQ(state.virtualServers[1],
            (ipvs::VirtualServer{guardedKey,
                                 {"sh", ipvs::kPersistent | ipvs::kSchedulerFlag1, 600},
                                 {{real("10.1.0.1")}}}));
  EXPECT_THAT(state.filter.virtualServers, ElementsAre(openKey, guardedKey));
  EXPECT_THAT(state.filter.keepClient, ElementsAre(guardedKey));
  ASSERT_THAT(state.filter.sourceRanges, SizeIs(1));
  EXPECT_EQ(state.filter.sourceRanges[0].virtualServer, guardedKey);
  EXPECT_THAT(state.problems, IsEmpty());
}

TEST(Desired, DoesNotDependOnTheOrderOfItsInput) {
  ClusterBuilder forwards;
  ClusterBuilder backwards;
  const std::vector<std::string> names{"a", "b", "c"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& back = names[names.size() - 1 - i];
    forwards.add(service(names[i], {"192.0.2." + std::to_string(names[i][0] % 2)}))
        .add(slice(names[i], {{"10.1.0.1"}, {"10.1.0.2"}}));
    backwards.add(service(back, {"192.0.2." + std::to_string(back[0] % 2)}))
        .add(slice(back, {{"10.1.0.2"}, {"10.1.0.1"}}));
  }
  const DesiredState one = desired(forwards);
  const DesiredState other = desired(backwards);
  EXPECT_EQ(one.virtualServers, other.virtualServers);
  EXPECT_EQ(one.filter, other.filter);
  EXPECT_EQ(one.nodeObjects, other.nodeObjects);
  EXPECT_EQ(one.problems, other.problems);
}

TEST(Desired, KnowsTheSchedulersOfLinux) {
  for (const char* name : {"rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh", "twos"}) {
    EXPECT_TRUE(isScheduler(name)) << name;
  }
  for (const char* name : {"", "RR", "rr ", "../rr"}) EXPECT_FALSE(isScheduler(name)) << name;
}

}  // namespace
}  // namespace barevip::node::test
