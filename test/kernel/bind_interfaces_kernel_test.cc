// SPDX-License-Identifier: Apache-2.0
// Packets through a node that has two bind interfaces, each with a router of its own, on a real
// kernel: what the desired state says is written as the daemon does it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "barevip/base/clock.h"

#include "common/obs/metrics.h"
#include "ipvsnode/apply/applier.h"
#include "ipvsnode/filter/packet_filter_nft.h"
#include "ipvsnode/host/host_setup.h"
#include "ipvsnode/host/namespace_view.h"
#include "ipvsnode/netlink/ipvs_kernel.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "ipvsnode/plan/diff.h"
#include "kernel/lab_network.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::kernel_test {
namespace {

using net::Placement;
using node::test::ip;

constexpr const char* kDirectorPath = "/run/netns/director";

/// One family's addresses. Clients are behind the router of their network.
struct Plan {
  IpAddress vip;
  IpAddress otherVip;  ///< of the second network
  IpAddress pod;
  IpAddress node;  ///< in the second network
  std::string client;
  std::string otherClient;
};

Plan planOf(Family family) {
  if (family == Family::kIpv4) {
    return {ip("192.0.2.200"),   ip("198.51.100.200"), ip("10.244.1.2"),
            ip("198.51.100.11"), "198.18.0.2",         "203.0.113.2"};
  }
  return {ip("2001:db8:1::200"), ip("2001:db8:2::200"), ip("fd00:244:1::2"),
          ip("2001:db8:2::11"),  "2001:db8:4::2",       "2001:db8:3::2"};
}

class Lab {
 public:
  explicit Lab(Placement where) : placement(where) {
    for (Space* network : {&lan, &otherLan})
      network->ip("link add br0 type bridge\nlink set br0 up");
    plug(lan, node, "eth0", "192.0.2.11/24", "2001:db8:1::11/64");
    plug(otherLan, node, "eth1", "198.51.100.11/24", "2001:db8:2::11/64");
    plug(lan, router, "eth0", "192.0.2.1/24", "2001:db8:1::1/64");
    plug(otherLan, otherRouter, "eth0", "198.51.100.1/24", "2001:db8:2::1/64");
    addClient(router, client, "198.18.0.", "2001:db8:4::");
    addClient(otherRouter, otherClient, "203.0.113.", "2001:db8:3::");
    addClient(node, pod, "10.244.1.", "fd00:244:1::");
    for (Space* each : {&node, &router, &otherRouter}) {
      each->run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    }
    // The second default route is there, but no packet takes it by itself.
    node.ip(
        "route add default via 192.0.2.1 metric 100\nroute add default via 198.51.100.1 metric "
        "200\n"
        "route add default via 2001:db8:1::1 metric 100\n"
        "route add default via 2001:db8:2::1 metric 200");
    setUp();
    open();
    converge();
  }

  void setUp() {
    const host::HostSetupOptions options{placement, {"eth0", "eth1"}, kDirectorPath, {}};
    const auto host = node.thread().run([&] { return host::setUpHost(options, runner); });
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_TRUE(host->problems.empty()) << host->problems.front();
  }

  void open() {
    host::NamespaceThread* ipvsThread = &node.thread();
    if (placement == Placement::kDirector) {
      auto thread = host::NamespaceThread::start(kDirectorPath);
      ASSERT_TRUE(thread) << thread.error().message;
      director = *std::move(thread);
      ipvsThread = director.get();
      auto links =
          director->run([] { return netlink::RtnetlinkSocket::open({.ownDevices = {"lo"}}); });
      ASSERT_TRUE(links) << links.error().message;
      directorLinks = std::make_unique<netlink::RtnetlinkSocket>(*std::move(links));
      addFilter(host::FilterRole::kDirector, *director);
      addFilter(host::FilterRole::kNode, node.thread());
    } else {
      addFilter(host::FilterRole::kHost, node.thread());
    }
    auto table = ipvsThread->run([] { return netlink::IpvsKernel::open(); });
    ASSERT_TRUE(table) << table.error().message;
    kernel = std::make_unique<netlink::IpvsKernel>(*std::move(table));
    auto links = node.thread().run(
        [] { return netlink::RtnetlinkSocket::open({.ownDevices = {net::kDummyDevice}}); });
    ASSERT_TRUE(links) << links.error().message;
    nodeLinks = std::make_unique<netlink::RtnetlinkSocket>(*std::move(links));
  }

  void addFilter(host::FilterRole role, host::NamespaceThread& thread) {
    runners.push_back(std::make_unique<host::NamespaceCommandRunner>(thread, runner));
    filters.push_back(std::make_unique<host::NftPacketFilter>(
        host::PacketFilterOptions{role, {"eth0", "eth1"}}, *runners.back()));
  }

  /// Two Services of policy Cluster, and one of policy Local on the second network's VIP.
  void converge() {
    node::test::ClusterBuilder cluster;
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const Plan plan = planOf(family);
      const std::string suffix = family == Family::kIpv4 ? "4" : "6";
      addService(cluster, "web" + suffix, plan.vip, plan.pod);
      addService(cluster, "other" + suffix, plan.otherVip, plan.pod);
      auto local = node::test::local(node::test::onPort(
          81, node::test::service("local" + suffix, {plan.otherVip.toString()})));
      cluster.add(std::move(local));
      cluster.add(node::test::slice("local" + suffix, {{plan.pod.toString()}}, family));
    }
    node::DesiredOptions options = node::test::options(placement);
    options.bindInterfaces = {"eth0", "eth1"};
    node::LocalFacts facts;
    const auto view = node.thread().run([] { return host::viewNamespace(); });
    ASSERT_TRUE(view) << view.error().message;
    facts.interfaces = host::bindInterfacesOf(*view, options.bindInterfaces);
    node::DesiredState desired = node::computeDesired(cluster.state, options, facts);
    for (const node::ServedVip& vip : desired.vips) {
      desired.announcements.emplace(vip.address, node::announcementOf(vip, options));
    }
    node::KernelWriters writers{*kernel, *nodeLinks, directorLinks.get(), {}};
    for (const auto& filter : filters) writers.filters.push_back(filter.get());
    auto found = node::readKernel(writers);
    ASSERT_TRUE(found) << found.error().message;
    node::DiffContext context;
    context.placement = placement;
    node::Applier applier(writers, clock, metrics);
    const auto outcome = applier.apply(node::diff(desired, *found, context).steps, *found);
    ASSERT_TRUE(outcome.stateKnown) << outcome.failure;
    ASSERT_TRUE(applier.allWell());
  }

  static void addService(node::test::ClusterBuilder& cluster, const std::string& name,
                         const IpAddress& vip, const IpAddress& pod) {
    cluster.add(node::test::service(name, {vip.toString()}));
    cluster.add(node::test::slice(name, {{pod.toString()}}, vip.family()));
  }

  const Placement placement;
  Space lan{"lan"};
  Space otherLan{"other-lan"};
  Space node{"node"};
  Space pod{"pod"};
  Space router{"router"};
  Space otherRouter{"other-router"};
  Space client{"client"};
  Space otherClient{"other-client"};
  LabCommandRunner runner;
  SystemClock clock;
  obs::Registry metrics;
  std::unique_ptr<host::NamespaceThread> director;
  std::vector<std::unique_ptr<host::NamespaceCommandRunner>> runners;
  std::vector<std::unique_ptr<host::NftPacketFilter>> filters;
  std::unique_ptr<netlink::IpvsKernel> kernel;
  std::unique_ptr<netlink::RtnetlinkSocket> nodeLinks;
  std::unique_ptr<netlink::RtnetlinkSocket> directorLinks;
  EchoServer server{pod, "pod", 8080};

 private:
  void plug(Space& network, Space& space, const std::string& device, const std::string& ipv4,
            const std::string& ipv6) {
    const std::string port = "p" + std::to_string(++ports_);
    network.ip("link add " + port + " type veth peer name " + device + " netns " + space.name() +
               "\nlink set " + port + " master br0 up");
    space.ip("addr add " + ipv4 + " dev " + device + "\naddr add " + ipv6 + " dev " + device +
             " nodad\nlink set " + device + " up");
  }

  static void addClient(Space& gateway, Space& space, const std::string& ipv4,
                        const std::string& ipv6) {
    gateway.ip("link add inner type veth peer name eth0 netns " + space.name() + "\naddr add " +
               ipv4 + "1/24 dev inner\naddr add " + ipv6 +
               "1/64 dev inner nodad\nlink set inner up");
    space.ip("addr add " + ipv4 + "2/24 dev eth0\naddr add " + ipv6 +
             "2/64 dev eth0 nodad\nlink set eth0 up\nroute add default via " + ipv4 +
             "1\nroute add default via " + ipv6 + "1");
  }

  int ports_ = 0;
};

using Param = std::tuple<Placement, Family>;

class TwoBindInterfaces : public ::testing::TestWithParam<Param> {
 protected:
  static void TearDownTestSuite() {
    lab.reset();
    EXPECT_TRUE(host::removeNamespace(kDirectorPath));
  }
  void SetUp() override {
    if (!lab) lab = std::make_unique<Lab>(std::get<Placement>(GetParam()));
    if (HasFailure()) FAIL() << "the lab could not be made";
  }

  const Plan plan_ = planOf(std::get<Family>(GetParam()));
  static std::unique_ptr<Lab> lab;
};

std::unique_ptr<Lab> TwoBindInterfaces::lab;

TEST_P(TwoBindInterfaces, ClientsBehindTheRouterOfEachReachTheVipOfItsNetwork) {
  EXPECT_EQ(ask(lab->client, plan_.vip, 80, Transport::kTcp).server, "pod");
  EXPECT_EQ(ask(lab->otherClient, plan_.otherVip, 80, Transport::kTcp).server, "pod")
      << "the default route leads to the other router";
}

TEST_P(TwoBindInterfaces, ClientsKeepTheirAddressBehindEither) {
  const Answer answer = ask(lab->otherClient, plan_.otherVip, 81, Transport::kTcp);
  EXPECT_EQ(answer.server, "pod") << answer.error;
  EXPECT_EQ(answer.client, plan_.otherClient);
}

TEST_P(TwoBindInterfaces, RepliesLeaveByTheInterfaceOfEntryWhateverTheVipsNetworkIs) {
  lab->otherRouter.ip("route add " + plan_.vip.toString() + " via " + plan_.node.toString());
  EXPECT_EQ(ask(lab->otherClient, plan_.vip, 80, Transport::kTcp).server, "pod");
}

TEST_P(TwoBindInterfaces, NeighboursAreAnsweredWithoutTheRouter) {
  EXPECT_EQ(ask(lab->otherRouter, plan_.otherVip, 80, Transport::kTcp).server, "pod");
  EXPECT_EQ(ask(lab->node, plan_.otherVip, 80, Transport::kTcp).server, "pod");
  EXPECT_EQ(ask(lab->pod, plan_.otherVip, 80, Transport::kTcp).server, "pod");
}

TEST_P(TwoBindInterfaces, ProxyArpOfAnInterfaceAnswersForOthersButForNoVip) {
  if (!lab->director || !plan_.vip.isIpv4()) GTEST_SKIP() << "no such route, or no such setting";
  const std::string proxy = "proxy " + plan_.otherVip.toString() + " dev eth1";
  lab->node.run("sysctl -qw net.ipv4.conf.eth1.proxy_arp=1");
  lab->node.ip("neigh del " + proxy);
  lab->otherRouter.ip("neigh flush all\nroute add " + plan_.pod.toString() + " dev eth0");
  EXPECT_EQ(ask(lab->otherRouter, plan_.pod, 8080, Transport::kTcp).server, "pod");
  EXPECT_EQ(ask(lab->otherRouter, plan_.otherVip, 80, Transport::kTcp).server, "")
      << "this node does not announce it";
  lab->node.ip("neigh add " + proxy);
  lab->otherRouter.ip("neigh flush all");
  EXPECT_EQ(ask(lab->otherRouter, plan_.otherVip, 80, Transport::kTcp).server, "pod");
}

std::string nameOf(const ::testing::TestParamInfo<Param>& info) {
  return std::string(toString(std::get<Family>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(Director, TwoBindInterfaces,
                         ::testing::Combine(::testing::Values(Placement::kDirector),
                                            ::testing::Values(Family::kIpv4, Family::kIpv6)),
                         nameOf);
INSTANTIATE_TEST_SUITE_P(Host, TwoBindInterfaces,
                         ::testing::Combine(::testing::Values(Placement::kHost),
                                            ::testing::Values(Family::kIpv4, Family::kIpv6)),
                         nameOf);

}  // namespace
}  // namespace barevip::kernel_test
