// SPDX-License-Identifier: Apache-2.0
// What is followed is what would be computed anew.
#include "ipvsnode/desired/desired_vips.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <optional>
#include <string>

#include "ipvsnode/cluster/stores.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Follows : public testing::Test {
 protected:
  Follows() {
    stores_.nodes.replaceAll({node("n1", "10.0.0.1"), node("n2", "10.0.0.2")});
    for (const char* name : {"a", "b", "c"}) {
      stores_.services.put(selecting(name, addressOf(name)));
      stores_.slices.put(derived(name, {{"10.1.0.1", "n1"}}));
      stores_.ipObjects.put(ipObject(name, addressOf(name), "n1"));
    }
    (void)follow();
  }

  static std::string addressOf(const std::string& name) {
    return "192.0.2." + std::to_string(name[0] - 'a' + 1);
  }

  static model::Service selecting(const std::string& name, const std::string& vip) {
    model::Service result = service(name, {vip});
    result.selects = true;
    return result;
  }
  /// As the endpoint controller writes them.
  static model::EndpointSlice derived(const std::string& name,
                                      std::initializer_list<EndpointSpec> endpoints) {
    model::EndpointSlice result = slice(name, endpoints);
    result.byController = true;
    return result;
  }

  std::set<IpAddress> follow(const LocalFacts& local = {}) {
    return vips_.follow(stores_.snapshot(), local);
  }

  Stores stores_;
  DesiredVips vips_{options()};
};

TEST_F(Follows, NothingWhereNothingChanged) { EXPECT_THAT(follow(), IsEmpty()); }

TEST_F(Follows, OneVipWhereOnePodComes) {
  stores_.slices.put(derived("b", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.2")));
  EXPECT_EQ(vips_.all().at(ip("192.0.2.2")).virtualServers.at(0).realServers.size(), 2U);
}

TEST_F(Follows, NoVipWherePodsOfOtherServicesComeAndGo) {
  model::Service other = service("other", {});
  other.type = "ClusterIP";
  stores_.services.put(other);
  stores_.slices.put(derived("other", {{"10.1.0.9", "n1"}}));
  EXPECT_THAT(follow(), IsEmpty());
  stores_.slices.erase({"default", "other-4"});
  EXPECT_THAT(follow(), IsEmpty());
}

TEST_F(Follows, EndpointsWrittenByHandWhateverOfOthersChanges) {
  stores_.slices.put(slice("b", {{"10.96.0.1", "n1"}}));
  (void)follow();
  model::Service other = service("other", {});
  other.clusterIps = {ip("10.96.0.1")};
  stores_.services.put(other);
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.2")));
  EXPECT_THAT(vips_.all().at(ip("192.0.2.2")).virtualServers.at(0).realServers, IsEmpty());
}

TEST_F(Follows, EndpointsWrittenByHandOnlyWhereAChangeDecidesAboutThem) {
  stores_.slices.put(slice("b", {{"10.1.0.9", "n1"}}));
  (void)follow();
  stores_.slices.put(derived("elsewhere", {{"10.1.0.7", "n1"}}));
  stores_.services.put(service("elsewhere", {}));
  EXPECT_THAT(follow(), IsEmpty()) << "no pass costs what it did before";
  model::Service other = service("other", {});
  other.key.ns = "theirs";
  other.selects = true;
  model::EndpointSlice pods = derived("other", {{"10.1.0.9", "n1"}});
  pods.key.ns = "theirs";
  stores_.slices.put(pods);
  stores_.services.put(other);
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.2"))) << "a pod of another namespace now";
  EXPECT_THAT(vips_.all().at(ip("192.0.2.2")).virtualServers.at(0).realServers, IsEmpty());
}

TEST_F(Follows, AVipThatComesAndThatGoes) {
  stores_.services.put(selecting("d", "192.0.2.4"));
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.4")));
  stores_.services.erase({"default", "d"});
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.4")));
  EXPECT_FALSE(vips_.all().contains(ip("192.0.2.4")));
}

TEST_F(Follows, TheServiceThatLedToAnAddressWhichBecomesAVip) {
  stores_.slices.put(derived("b", {{"192.0.2.4", "n1"}}));
  (void)follow();
  stores_.services.put(selecting("d", "192.0.2.4"));
  EXPECT_THAT(follow(), UnorderedElementsAre(ip("192.0.2.2"), ip("192.0.2.4")));
  EXPECT_THAT(vips_.all().at(ip("192.0.2.2")).virtualServers.at(0).realServers, IsEmpty());
}

TEST_F(Follows, TheServiceThatLedToAVipThatGoes) {
  for (const char* name : {"a", "c"}) {
    stores_.services.erase({"default", name});
  }
  stores_.services.put(selecting("d", "192.0.2.4"));
  stores_.slices.put(derived("b", {{"192.0.2.4", "n1"}}));
  (void)follow();
  stores_.services.erase({"default", "d"});
  EXPECT_THAT(follow(), UnorderedElementsAre(ip("192.0.2.2"), ip("192.0.2.4")));
  EXPECT_EQ(vips_.all().at(ip("192.0.2.2")).virtualServers.at(0).realServers.size(), 1U);
}

TEST_F(Follows, OneProblemOfManyPortsStandsOnce) {
  model::Service many = selecting("b", "192.0.2.2");
  many.affinitySeconds = 1;
  for (std::uint16_t port = 81; port < 100; ++port) {
    many.ports.push_back({"", model::Protocol::kTcp, port, 0});
  }
  stores_.services.put(many);
  (void)follow();
  EXPECT_EQ(vips_.all().at(ip("192.0.2.2")).problems.size(), 1U);
}

TEST_F(Follows, WhatElseHoldsAnAddressOnTheNode) {
  LocalFacts local;
  local.held[ip("192.0.2.3")] = "device eth1";
  EXPECT_THAT(follow(local), ElementsAre(ip("192.0.2.3")));
  EXPECT_THAT(vips_.unserved(), ElementsAre(ip("192.0.2.3")));
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.3")));
  EXPECT_THAT(vips_.unserved(), IsEmpty());
}

TEST_F(Follows, ANodeThatComesWithTheAddressOfAVip) {
  stores_.nodes.put(node("n3", "192.0.2.3"));
  EXPECT_THAT(follow(), ElementsAre(ip("192.0.2.3")));
  EXPECT_FALSE(vips_.all().contains(ip("192.0.2.3")));
  ASSERT_EQ(vips_.problems().size(), 1U);
  EXPECT_EQ(vips_.problems()[0].reason, "AddressInUse");
}

TEST_F(Follows, AVipThatIsHeldBackUntilItIsNot) {
  EXPECT_THAT(vips_.holdBack({ip("192.0.2.3")}, {}), ElementsAre(ip("192.0.2.3")));
  EXPECT_THAT(vips_.holdBack({ip("192.0.2.3")}, {}), IsEmpty());
  EXPECT_EQ(vips_.totals().virtualServers, 2U);
  EXPECT_THAT(vips_.ofAll().filter.vips, ElementsAre(ip("192.0.2.1"), ip("192.0.2.2")));
  EXPECT_THAT(vips_.of({ip("192.0.2.3")}).virtualServers, IsEmpty());
  EXPECT_THAT(vips_.holdBack({}, {}), ElementsAre(ip("192.0.2.3")));
  EXPECT_EQ(vips_.of({ip("192.0.2.3")}).virtualServers.size(), 1U);
}

TEST_F(Follows, AVipThatTheNodeLeadsAlreadyIsNotHeldBack) {
  const auto there = itemsOf(vips_.of({ip("192.0.2.3")}).nodeObjects);
  EXPECT_THAT(vips_.holdBack({ip("192.0.2.3")}, there), IsEmpty());
}

/// A cluster in which a few Services share a few addresses in any way.
class AnyCluster {
 public:
  AnyCluster() {
    stores_.services.replaceAll({});
    stores_.slices.replaceAll({});
    stores_.nodes.replaceAll({node("n1", "10.0.0.1")});
    stores_.ipObjects.replaceAll({});
    stores_.pools.replaceAll({});
  }

  void change() {
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        return stores_.services.put(anyService());
      case 1:
        return stores_.services.erase({"default", anyName()});
      case 2:
        return stores_.slices.put(anySlice());
      case 3:
        return stores_.slices.erase({"default", anyName() + "-4"});
      case 4:
        return stores_.ipObjects.put(anyIpObject());
      case 5:
        return stores_.ipObjects.erase({"default", anyName() + "-" + anyAddress()});
      default:
        return changeNodesOrLocal();
    }
  }

  [[nodiscard]] ClusterState snapshot() const { return stores_.snapshot(); }
  [[nodiscard]] const LocalFacts& local() const { return local_; }

 private:
  static std::string anyName() { return *rc::gen::element<std::string>("a", "b", "c", "d"); }
  static std::string anyAddress() {
    return *rc::gen::element<std::string>("192.0.2.1", "192.0.2.2", "192.0.2.3", "10.0.0.2",
                                          "2001:db8::1", "nonsense");
  }
  static bool any() { return *rc::gen::arbitrary<bool>(); }

  static model::Service anyService() {
    model::Service result = service(anyName(), {anyAddress(), anyAddress()});
    result.uid = *rc::gen::element<std::string>("1", "2");
    if (any()) result = refused(std::move(result));
    if (any()) result = localPolicy(std::move(result));
    if (any()) result.ports[0].port = 81;
    if (any()) result.sourceRanges = {"198.51.100.0/24"};
    if (any()) result.annotations["barevip.dev/scheduler"] = "mh";
    if (any()) result.loadBalancerClass = "other";
    result.selects = any();
    result.deleting = any();
    result.clusterIps = {ip(*rc::gen::element<std::string>("10.96.0.1", "10.96.0.2"))};
    result.forward =
        *rc::gen::element(model::ForwardMode::kMasquerade, model::ForwardMode::kClusterIp,
                          model::ForwardMode::kKubeProxy);
    return result;
  }
  static model::Service localPolicy(model::Service service) {
    return test::local(std::move(service));
  }

  static model::EndpointSlice anySlice() {
    const auto address = [] {
      return *rc::gen::element<std::string>("10.1.0.1", "10.1.0.2", "192.0.2.1", "10.0.0.1",
                                            "10.0.0.2", "10.96.0.1");
    };
    model::EndpointSlice result = slice(anyName(), {{address(), "n1", any()}, {address(), "n2"}});
    result.byController = any();
    if (*rc::gen::inRange(0, 8) == 0) result.key = apiServersSlice();
    return result;
  }

  static model::IpObject anyIpObject() {
    model::IpObject result =
        ipObject(anyName(), anyAddress(), *rc::gen::element<std::string>("", "n1"));
    if (any()) result.status.phase = "Conflict";
    if (any()) result.status.ports = {"80/TCP"};
    if (any()) {
      const std::string name = anyName();
      result.serviceOwner = model::OwnerReference{"v1", "Service", name, "1"};
    }
    return result;
  }

  void changeNodesOrLocal() {
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        return stores_.nodes.put(node("n2", any() ? "10.0.0.2" : "192.0.2.2"));
      case 1:
        return stores_.nodes.erase({"", "n2"});
      case 2:
        local_.held = any() ? std::map<IpAddress, std::string>{{ip("192.0.2.1"), "device eth1"}}
                            : std::map<IpAddress, std::string>{};
        return;
      case 3:
        local_.gateways = any() ? std::set{ip("192.0.2.3")} : std::set<IpAddress>{};
        return;
      default:
        local_.missingSchedulers = any() ? std::set<std::string>{"mh"} : std::set<std::string>{};
    }
  }

  Stores stores_;
  LocalFacts local_;
};

void expectAlike(const DesiredState& followed, const DesiredState& computed) {
  RC_ASSERT(followed.problems == computed.problems);
  RC_ASSERT(followed.virtualServers == computed.virtualServers);
  RC_ASSERT(followed.filter == computed.filter);
  RC_ASSERT(followed.nodeObjects == computed.nodeObjects);
  RC_ASSERT(followed.balancerObjects == computed.balancerObjects);
  RC_ASSERT(followed.vips.size() == computed.vips.size());
  for (std::size_t i = 0; i < followed.vips.size(); ++i) {
    const ServedVip& one = followed.vips[i];
    const ServedVip& other = computed.vips[i];
    RC_ASSERT(one.address == other.address);
    RC_ASSERT(one.services == other.services);  // the very same objects
    RC_ASSERT(one.ipObjects == other.ipObjects);
    RC_ASSERT(one.endpointNodes == other.endpointNodes);
    RC_ASSERT(one.commonNodes == other.commonNodes);
    RC_ASSERT(one.servedHere == other.servedHere);
    RC_ASSERT(one.byKubeProxy == other.byKubeProxy);
    RC_ASSERT(one.endpointNodesOnly == other.endpointNodesOnly);
  }
  RC_ASSERT(followed.vipPorts.size() == computed.vipPorts.size());
  for (std::size_t i = 0; i < followed.vipPorts.size(); ++i) {
    RC_ASSERT(followed.vipPorts[i].key == computed.vipPorts[i].key);
    RC_ASSERT(followed.vipPorts[i].service == computed.vipPorts[i].service);
  }
}

class DesiredVipsProperty : public testing::TestWithParam<Placement> {};

TEST_P(DesiredVipsProperty, AreAfterAnyChangesWhatTheClusterAloneSays) {
  EXPECT_TRUE(rc::check([] {
    AnyCluster cluster;
    const DesiredOptions with = options(GetParam());
    DesiredVips vips(with);
    const int steps = *rc::gen::inRange(1, 20);
    for (int i = 0; i < steps; ++i) {
      cluster.change();
      if (*rc::gen::arbitrary<bool>()) continue;
      const auto before = vips.all();
      const auto touched = vips.follow(cluster.snapshot(), cluster.local());
      expectAlike(vips.whole(), computeDesired(cluster.snapshot(), with, cluster.local()));
      for (const auto& [address, vip] : vips.all()) {
        const auto was = before.find(address);
        const bool same = was != before.end() && was->second.virtualServers == vip.virtualServers &&
                          was->second.served.ipObjects == vip.served.ipObjects;
        RC_ASSERT(same || touched.contains(address));
      }
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(Placements, DesiredVipsProperty,
                         testing::Values(Placement::kDirector, Placement::kHost),
                         [](const auto& of) {
                           return of.param == Placement::kHost ? "host" : "director";
                         });

TEST_F(Follows, AServiceThatNamesTheVipOfAnotherInItsExternalIps) {
  const auto refused = [this] {
    const auto problems = vips_.problems();
    return std::count_if(problems.begin(), problems.end(), [](const Problem& problem) {
      return problem.reason == "ExternalIPRefused" && problem.service.name == "taker";
    });
  };
  model::Service taker;
  taker.key = {"evil", "taker"};
  taker.type = "ClusterIP";
  taker.externalIps = {IpRange::parse("192.0.2.2-192.0.2.3").value()};
  stores_.services.put(taker);
  EXPECT_THAT(follow(), IsEmpty()) << "the VIPs stay as they are";
  EXPECT_EQ(refused(), 1) << "of both";
  stores_.services.erase({"default", "b"});
  (void)follow();
  EXPECT_EQ(refused(), 1) << "of the other";
  taker.externalIps = {IpRange::parse("198.51.100.1").value()};
  stores_.services.put(taker);
  (void)follow();
  EXPECT_EQ(refused(), 0);
}

// Several bind interfaces.

class OnTwoInterfaces : public testing::Test {
 protected:
  OnTwoInterfaces() {
    with.bindInterfaces = {"eth0", "eth1"};
    local.interfaces = {{"eth0", {IpPrefix::parse("10.0.0.0/24").value()}, {ip("10.0.0.1")}},
                        {"eth1", {IpPrefix::parse("192.0.2.0/24").value()}, {ip("192.0.2.254")}}};
    cluster.add(service("web", {"192.0.2.1"})).add(ipObject("web", "192.0.2.1"));
  }
  [[nodiscard]] std::string deviceOfWeb() const {
    return deviceOf(vips->all().at(ip("192.0.2.1")).served, with);
  }

  DesiredOptions with = options();
  LocalFacts local;
  ClusterBuilder cluster;
  std::optional<DesiredVips> vips;
};

TEST_F(OnTwoInterfaces, AVipIsAnnouncedWhereItsNetworkIsAndFollowsIt) {
  vips.emplace(with);
  vips->follow(cluster.state, {});
  EXPECT_EQ(deviceOfWeb(), "eth0") << "nothing is known of the interfaces yet";
  EXPECT_THAT(vips->follow(cluster.state, local), ElementsAre(ip("192.0.2.1")));
  EXPECT_EQ(deviceOfWeb(), "eth1");
}

TEST_F(OnTwoInterfaces, AVipIsAnnouncedWhereItsPoolSaysAndFollowsIt) {
  vips.emplace(with);
  vips->follow(cluster.state, local);
  model::Pool pool;
  pool.key = {"", "default"};
  pool.announce.interfaces = {"eth0"};
  cluster.add(pool);
  EXPECT_THAT(vips->follow(cluster.state, local), ElementsAre(ip("192.0.2.1")));
  EXPECT_EQ(deviceOfWeb(), "eth0");
}

TEST_F(OnTwoInterfaces, PacketsOfEachLeadToIpvsAndRepliesLeaveByIt) {
  for (const Placement placement : {Placement::kDirector, Placement::kHost}) {
    with.placement = placement;
    vips.emplace(with);
    vips->follow(cluster.state, local);
    const auto items = itemsOf(vips->ofAll().nodeObjects);
    for (const char* device : {"eth0", "eth1"}) {
      EXPECT_EQ(items.contains(net::Rule{Family::kIpv4, net::kOutsideRulePriority,
                                         net::kOutsideTable, device, 0, 0}),
                placement == Placement::kDirector);
    }
    const net::Rule known{Family::kIpv4,
                          net::kEntryRulePriority,
                          net::kMainTable,
                          "",
                          net::entryMark(1),
                          net::kMarkMask,
                          true};
    EXPECT_TRUE(items.contains(known));
    EXPECT_TRUE(
        items.contains(net::Rule{Family::kIpv4, net::kEntryDefaultPriority, net::entryTable(1), "",
                                 net::entryMark(1), net::kMarkMask}));
    EXPECT_TRUE(items.contains(net::Route{{IpAddress::fromNumber(Family::kIpv4, 0), 0},
                                          net::entryTable(1),
                                          ip("192.0.2.254"),
                                          "eth1"}));
  }
}

TEST_F(OnTwoInterfaces, WithOneAloneNothingIsMarked) {
  with.bindInterfaces = {"eth0"};
  vips.emplace(with);
  vips->follow(cluster.state, local);
  EXPECT_EQ(itemsOf(vips->ofAll().nodeObjects),
            itemsOf(computeDesired(cluster.state, options(), {}).nodeObjects));
}

}  // namespace
}  // namespace barevip::node::test
