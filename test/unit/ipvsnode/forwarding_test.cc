// SPDX-License-Identifier: Apache-2.0
// By whom what comes to a VIP is forwarded, and what the kernel holds for that.
#include "ipvsnode/desired/forwarding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipvsnode/plan/diff.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using model::ForwardMode;
using net::BoundAddress;
using net::NetObject;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// "default/NAME" on one VIP, forwarded like that, with the ipMode that goes with it.
model::Service forwarded(ForwardMode mode, const std::string& name = "web") {
  model::Service result = service(name, {"192.0.2.1"});
  result.forward = mode;
  result.clusterIps = {ip("10.96.0.5")};
  if (mode == ForwardMode::kKubeProxy) result.ingress[0].ipMode = "VIP";
  return result;
}

TEST(Forwarding, IsRefusedWhereNobodyCanForwardAsTheServiceAsks) {
  struct Case {
    const char* what;
    ForwardMode mode;
    model::TrafficPolicy policy;
    const char* vip;
    const char* ipMode;
    const char* reason;  // empty: it is forwarded
    const char* says;
  };
  constexpr auto kCluster = model::TrafficPolicy::kCluster;
  constexpr auto kLocal = model::TrafficPolicy::kLocal;
  const Case cases[] = {
      {"masquerade", ForwardMode::kMasquerade, kCluster, "192.0.2.1", "Proxy", "", ""},
      {"masquerade, Local", ForwardMode::kMasquerade, kLocal, "192.0.2.1", "Proxy", "", ""},
      {"masquerade while kube-proxy forwards", ForwardMode::kMasquerade, kCluster, "192.0.2.1",
       "VIP", "IPModeMismatch", "needs Proxy"},
      {"kube-proxy", ForwardMode::kKubeProxy, kCluster, "192.0.2.1", "VIP", "", ""},
      {"kube-proxy, Local", ForwardMode::kKubeProxy, kLocal, "192.0.2.1", "VIP", "", ""},
      {"kube-proxy while it does not forward", ForwardMode::kKubeProxy, kCluster, "192.0.2.1",
       "Proxy", "IPModeMismatch", "needs VIP"},
      {"cluster-ip", ForwardMode::kClusterIp, kCluster, "192.0.2.1", "Proxy", "", ""},
      {"cluster-ip, Local", ForwardMode::kClusterIp, kLocal, "192.0.2.1", "Proxy",
       "ForwardingRefused", "loses the client's address"},
      {"cluster-ip without one of the family", ForwardMode::kClusterIp, kCluster, "2001:db8::1",
       "Proxy", "ForwardingRefused", "no clusterIP of IPv6"},
      {"another word", ForwardMode::kUnknown, kCluster, "192.0.2.1", "Proxy", "ForwardingRefused",
       "\"dsr\" is not a way to forward"},
  };
  for (const Case& each : cases) {
    model::Service web = forwarded(each.mode);
    web.externalTrafficPolicy = each.policy;
    web.annotations = {{"barevip.dev/forward", "dsr"}};
    const auto refusal = refusalToForward(web, ip(each.vip), each.ipMode);
    EXPECT_EQ(refusal ? refusal->reason : "", each.reason) << each.what;
    EXPECT_THAT(refusal ? refusal->message : "", HasSubstr(each.says)) << each.what;
  }
}

TEST(Forwarding, ByClusterIpNeedsTheBalancerNamespace) {
  const auto here = [](ForwardMode mode, Placement placement) {
    return !refusalToForwardHere(forwarded(mode), placement);
  };
  EXPECT_TRUE(here(ForwardMode::kClusterIp, Placement::kDirector));
  EXPECT_FALSE(here(ForwardMode::kClusterIp, Placement::kHost));
  EXPECT_TRUE(here(ForwardMode::kMasquerade, Placement::kHost));
  EXPECT_TRUE(here(ForwardMode::kKubeProxy, Placement::kHost));
}

class ByStrategy : public testing::TestWithParam<Placement> {
 protected:
  [[nodiscard]] DesiredState desired(const ClusterBuilder& cluster,
                                     const LocalFacts& local = {}) const {
    return computeDesired(cluster.state, options(GetParam()), local);
  }
};

TEST_P(ByStrategy, KubeProxyLeavesTheNodeTheAnnouncementAndNothingElse) {
  model::Service web = forwarded(ForwardMode::kKubeProxy);
  web.sourceRanges = {"198.51.100.0/24"};
  const auto nothing = desired(ClusterBuilder());
  const auto state = desired(ClusterBuilder().add(web).add(slice("web", {{"10.1.0.1", "n1"}})));
  EXPECT_THAT(state.virtualServers, IsEmpty());
  EXPECT_THAT(state.vipPorts, IsEmpty());
  EXPECT_EQ(state.filter, net::FilterState{}) << "the ranges are kube-proxy's to guard";
  EXPECT_EQ(state.balancerObjects, nothing.balancerObjects);
  EXPECT_EQ(state.nodeObjects, nothing.nodeObjects) << "nothing leads into the balancer namespace";
  EXPECT_THAT(state.problems, IsEmpty());
  ASSERT_THAT(state.vips, SizeIs(1));
  EXPECT_TRUE(state.vips[0].servedHere);
  const NetObject item = announcementOf(state.vips[0], options(GetParam()));
  EXPECT_EQ(item, NetObject(BoundAddress{ip("192.0.2.1"), "eth0"}));
  EXPECT_EQ(announcedVip(item, options(GetParam())), ip("192.0.2.1"));
}

TEST_P(ByStrategy, KubeProxysOwnDeviceMayHoldWhatItForwards) {
  const std::vector<BoundAddress> addresses{{ip("192.0.2.1"), "kube-ipvs0"}};
  LocalFacts local;
  local.held = foreignHolders({}, addresses, {});
  const auto served = [&](ForwardMode mode) {
    return desired(ClusterBuilder().add(forwarded(mode)), local).vips[0].servedHere;
  };
  EXPECT_TRUE(served(ForwardMode::kKubeProxy));
  EXPECT_FALSE(served(ForwardMode::kMasquerade)) << "the kernel would give it what comes here";
  for (const bool first : {true, false}) {
    std::vector<BoundAddress> more = addresses;
    more.insert(first ? more.begin() : more.end(), {ip("192.0.2.1"), "eth1"});
    local.held = foreignHolders({}, more, {});
    EXPECT_FALSE(served(ForwardMode::kKubeProxy)) << "eth1 is another program's";
  }
}

INSTANTIATE_TEST_SUITE_P(Placements, ByStrategy,
                         testing::Values(Placement::kDirector, Placement::kHost),
                         [](const auto& of) {
                           return of.param == Placement::kHost ? "host" : "director";
                         });

DesiredState desiredOf(const ClusterBuilder& cluster) {
  return computeDesired(cluster.state, options(), {});
}

TEST(ByClusterIp, EachPortLeadsToThatPortOfTheClusterIpOfItsFamilyWhateverThePodsAre) {
  model::Service web = forwarded(ForwardMode::kClusterIp);
  web.clusterIps.push_back(ip("fd00:96::5"));
  web.ingress.push_back({"2001:db8::1", "", "Proxy"});
  const auto state = desiredOf(ClusterBuilder().add(web).add(slice("web", {{"10.1.0.1", "n1"}})));
  ASSERT_THAT(state.virtualServers, SizeIs(2));
  EXPECT_EQ(state.virtualServers[0].key, tcp("192.0.2.1", 80));
  EXPECT_THAT(state.virtualServers[0].realServers,
              ElementsAre(ipvs::RealServer{real("10.96.0.5", 80)}));
  EXPECT_EQ(state.virtualServers[1].key, tcp("2001:db8::1", 80));
  EXPECT_THAT(state.virtualServers[1].realServers,
              ElementsAre(ipvs::RealServer{real("fd00:96::5", 80)}));
  EXPECT_THAT(state.filter.keepClient, IsEmpty());
  EXPECT_THAT(state.problems, IsEmpty());
}

TEST(ByClusterIp, APortWithAnEndpointThatMustNotBeLedToLeadsNowhere) {
  const auto state = desiredOf(ClusterBuilder()
                                   .add(forwarded(ForwardMode::kClusterIp))
                                   .add(node("n7", "10.0.0.7"))
                                   .add(slice("web", {{"10.1.0.1", "n1"}, {"10.0.0.7", "n7"}})));
  ASSERT_THAT(state.virtualServers, SizeIs(1));
  EXPECT_THAT(state.virtualServers[0].realServers, IsEmpty());
  EXPECT_THAT(state.problems, ElementsAre(Field(&Problem::reason, "EndpointRefused")));
}

TEST(ByClusterIp, AHostPlacementServesNothingAndSaysSo) {
  const auto state = computeDesired(ClusterBuilder().add(forwarded(ForwardMode::kClusterIp)).state,
                                    options(Placement::kHost), {});
  EXPECT_THAT(state.virtualServers, IsEmpty());
  EXPECT_THAT(itemsOf(state.nodeObjects), IsEmpty());
  EXPECT_FALSE(state.vips[0].servedHere);
  EXPECT_THAT(state.problems, ElementsAre(Field(&Problem::reason, "ForwardingRefused")));
}

TEST(Refused, AServiceIsServedByNobodyInsteadOfInAnotherWay) {
  model::Service web = forwarded(ForwardMode::kUnknown);
  const auto state = desiredOf(ClusterBuilder()
                                   .add(web)
                                   .add(slice("web", {{"10.1.0.1", "n1"}}))
                                   .add(ipObject("web", "192.0.2.1")));
  EXPECT_THAT(state.vips, IsEmpty());
  EXPECT_THAT(state.virtualServers, IsEmpty());
  EXPECT_THAT(state.problems, ElementsAre(Field(&Problem::reason, "ForwardingRefused")));
}

TEST(Shared, AVipOfTwoForwardersLeadsWhereTheServiceThatHasWhatItAsksForLeads) {
  for (const bool byKubeProxy : {true, false}) {
    const auto mode = [](bool kubeProxy) {
      return kubeProxy ? ForwardMode::kKubeProxy : ForwardMode::kMasquerade;
    };
    const auto state = desiredOf(ClusterBuilder()
                                     .add(refused(onPort(81, forwarded(mode(!byKubeProxy), "a"))))
                                     .add(forwarded(mode(byKubeProxy), "b"))
                                     .add(ipObject("a", "192.0.2.1"))
                                     .add(ipObject("b", "192.0.2.1")));
    ASSERT_THAT(state.vips, SizeIs(1));
    EXPECT_EQ(state.vips[0].byKubeProxy, byKubeProxy);
    ASSERT_THAT(state.vips[0].services, SizeIs(1));
    EXPECT_EQ(state.vips[0].services[0]->key.name, "b");
    ASSERT_THAT(state.problems, SizeIs(1));
    EXPECT_EQ(state.problems[0].service.name, "a");
    EXPECT_EQ(state.problems[0].reason, "ForwardingRefused");
  }
}

TEST(Shared, MasqueradeAndClusterIpGoTogether) {
  const auto state = desiredOf(ClusterBuilder()
                                   .add(onPort(81, forwarded(ForwardMode::kClusterIp, "a")))
                                   .add(forwarded(ForwardMode::kMasquerade, "b"))
                                   .add(slice("b", {{"10.1.0.1", "n1"}})));
  ASSERT_THAT(state.virtualServers, SizeIs(2));
  EXPECT_THAT(state.virtualServers[0].realServers, ElementsAre(ipvs::RealServer{real("10.1.0.1")}));
  EXPECT_THAT(state.virtualServers[1].realServers,
              ElementsAre(ipvs::RealServer{real("10.96.0.5", 81)}));
  EXPECT_THAT(state.problems, IsEmpty());
}

TEST(LocalByKubeProxy, CandidatesHaveAnEndpointOrThereAreNone) {
  struct Case {
    const char* what;
    model::Service service;
    std::vector<model::EndpointSlice> slices;
    bool only;
    std::set<std::string> nodes;
  };
  const auto kubeProxy = forwarded(ForwardMode::kKubeProxy);
  const auto pods =
      slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}, unready("10.1.0.3", "n3")});
  const Case cases[] = {
      {"Cluster", kubeProxy, {pods}, false, {}},
      {"Local", local(kubeProxy), {pods}, true, {"n1", "n2"}},
      {"Local without a pod", local(kubeProxy), {}, true, {}},
      {"masquerade", local(forwarded(ForwardMode::kMasquerade)), {}, false, {}},
  };
  for (const Case& each : cases) {
    ClusterBuilder cluster;
    cluster.add(each.service);
    for (const auto& one : each.slices) cluster.add(one);
    const auto state = desiredOf(cluster);
    ASSERT_THAT(state.vips, SizeIs(1)) << each.what;
    EXPECT_EQ(state.vips[0].endpointNodesOnly, each.only) << each.what;
    EXPECT_EQ(state.vips[0].endpointNodes, each.nodes) << each.what;
  }
}

/// What a plan does to the node, in its order.
std::vector<std::string> textOf(const Plan& plan) {
  std::vector<std::string> result;
  for (const Step& step : plan.steps) {
    if (const auto* ops = std::get_if<IpvsStep>(&step)) {
      for (const auto& op : ops->ops) result.push_back(ipvs::toString(op));
    } else if (const auto* links = std::get_if<NetStep>(&step)) {
      for (const auto& change : links->changes) {
        const bool add = change.op.kind == net::NetOp::Kind::kAdd;
        result.push_back((add ? "add " : "delete ") + net::toString(change.op.item));
      }
    }
  }
  return result;
}

/// A kernel that holds what this Service wants, announced.
struct Serving {
  DesiredState desired;
  KernelState kernel;

  explicit Serving(const model::Service& service)
      : desired(desiredOf(ClusterBuilder().add(service).add(slice("web", {{"10.1.0.1", "n1"}})))) {
    const ServedVip& vip = desired.vips[0];
    desired.announcements.emplace(vip.address, announcementOf(vip, options()));
    for (const auto& server : desired.virtualServers) {
      kernel.virtualServers.emplace(server.key, server);
    }
    kernel.timeouts = desired.timeouts;
    kernel.nodeObjects = wantedOnNode(desired);
    kernel.balancerObjects = itemsOf(desired.balancerObjects);
    kernel.filter = desired.filter;
  }
};

TEST(ChangeOfStrategy, WithdrawsBeforeForwardingGoesAndForwardsBeforeItAnnounces) {
  const Serving before(forwarded(ForwardMode::kMasquerade));
  const Serving after(forwarded(ForwardMode::kKubeProxy));
  EXPECT_THAT(textOf(diff(after.desired, before.kernel, {})),
              ElementsAre("delete proxy neighbour 192.0.2.1 dev eth0", "delete TCP 192.0.2.1:80",
                          "add address 192.0.2.1 dev eth0",
                          HasSubstr("delete route 192.0.2.1/32 via 169.254.77.2"),
                          HasSubstr("delete route 192.0.2.1/32 via 169.254.77.6"),
                          "delete address 192.0.2.1 dev lo"));
  EXPECT_THAT(textOf(diff(before.desired, after.kernel, {})),
              ElementsAre("delete address 192.0.2.1 dev eth0", "add address 192.0.2.1 dev lo",
                          HasSubstr("add TCP 192.0.2.1:80"),
                          HasSubstr("add TCP 192.0.2.1:80 -> 10.1.0.1:8080"),
                          HasSubstr("add route 192.0.2.1/32 via 169.254.77.6"),
                          HasSubstr("add route 192.0.2.1/32 via 169.254.77.2"),
                          "add proxy neighbour 192.0.2.1 dev eth0"));
}

TEST(ChangeOfStrategy, BetweenTheTwoOfIpvsDrainsPodsAndMovesNothingElse) {
  const Serving before(forwarded(ForwardMode::kMasquerade));
  const Serving after(forwarded(ForwardMode::kClusterIp));
  EXPECT_THAT(textOf(diff(after.desired, before.kernel, {})),
              ElementsAre("add TCP 192.0.2.1:80 -> 10.96.0.5:80 weight 1",
                          "set TCP 192.0.2.1:80 -> 10.1.0.1:8080 weight 0"));
}

}  // namespace
}  // namespace barevip::node::test
