// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/vip_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<ipvs::VirtualServerKey> keysOf(const VipPorts& vipPorts) {
  std::vector<ipvs::VirtualServerKey> result;
  for (const VipPort& vipPort : vipPorts.all) result.push_back(vipPort.key);
  return result;
}

VipPorts select(const ClusterBuilder& cluster) { return assignVipPorts(cluster.state); }

TEST(VipPorts, EveryPortOfEveryAddressOfAServiceIsServed) {
  model::Service web = service("web", {"192.0.2.1", "2001:db8::1"});
  web.ports.push_back({"dns", model::Protocol::kUdp, 53, 0});
  EXPECT_THAT(keysOf(select(ClusterBuilder().add(web))),
              ElementsAre(udp("192.0.2.1", 53), tcp("192.0.2.1", 80), udp("2001:db8::1", 53),
                          tcp("2001:db8::1", 80)));
}

TEST(VipPorts, PortsBeyondTheLimitAreReportedAndTheRestIsServed) {
  model::Service web = service("web", {"192.0.2.1"});
  web.ports.clear();
  for (std::uint16_t port = 1; port <= kMaxPorts; ++port) {
    web.ports.push_back({"", model::Protocol::kTcp, port, 0});
  }
  EXPECT_THAT(select(ClusterBuilder().add(web)).problems, IsEmpty());
  web.ports.push_back({"", model::Protocol::kTcp, 2000, 0});
  const VipPorts vipPorts = select(ClusterBuilder().add(web));
  EXPECT_THAT(vipPorts.all, SizeIs(kMaxPorts));
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_EQ(vipPorts.problems[0].reason, "TooManyPorts");
}

struct NotServed {
  const char* why;
  void (*spoil)(model::Service&);
};

class NotServedTest : public testing::TestWithParam<NotServed> {};

TEST_P(NotServedTest, IsLeftAloneWithoutAWord) {
  model::Service web = service("web", {"192.0.2.1"});
  GetParam().spoil(web);
  const VipPorts vipPorts = select(ClusterBuilder().add(web));
  EXPECT_THAT(vipPorts.all, IsEmpty());
  EXPECT_THAT(vipPorts.problems, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Services, NotServedTest,
    testing::Values(
        NotServed{"other_class",
                  [](model::Service& s) { s.loadBalancerClass = "acme.example/lb"; }},
        NotServed{"no_load_balancer", [](model::Service& s) { s.type = "ClusterIP"; }},
        NotServed{"no_condition_of_ours", [](model::Service& s) { s.conditions.clear(); }},
        NotServed{"condition_false", [](model::Service& s) { s.conditions[0].status = "False"; }},
        NotServed{"address_given_by_another", [](model::Service& s) { s.ingress[0].ipMode = ""; }},
        NotServed{"host_name",
                  [](model::Service& s) {
                    s.ingress[0] = {"", "lb.example", "Proxy"};
                  }},
        NotServed{"port_zero", [](model::Service& s) { s.ports[0].port = 0; }}),
    [](const auto& test) { return test.param.why; });

class BadAddressTest : public testing::TestWithParam<const char*> {};

TEST_P(BadAddressTest, IsRefusedAndReported) {
  const VipPorts vipPorts = select(ClusterBuilder().add(service("web", {GetParam()})));
  EXPECT_THAT(vipPorts.all, IsEmpty());
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_EQ(vipPorts.problems[0].reason, "InvalidAddress");
  EXPECT_THAT(vipPorts.problems[0].message, HasSubstr(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Addresses, BadAddressTest,
                         testing::Values("127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1",
                                         "169.254.77.2", "255.255.255.255", "::", "::1", "ff02::1",
                                         "fe80::1", "fd77:6276:6970::2", "no-address", "1.2.3"));

TEST(VipPorts, ANodesOwnAddressIsNeverServed) {
  const VipPorts vipPorts =
      select(ClusterBuilder().add(service("web", {"10.0.0.7"})).add(node("n7", "10.0.0.7")));
  EXPECT_THAT(vipPorts.all, IsEmpty());
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_THAT(vipPorts.problems[0].message, HasSubstr("node n7"));
}

TEST(VipPorts, AnApiServersAddressIsNeverServed) {
  model::EndpointSlice own = slice("kubernetes", {{"192.0.2.1"}});
  own.key = {"default", "kubernetes"};
  const VipPorts vipPorts = select(ClusterBuilder().add(service("web", {"192.0.2.1"})).add(own));
  EXPECT_THAT(vipPorts.all, IsEmpty());
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_THAT(vipPorts.problems[0].message, HasSubstr("an API server"));

  own.key.name = "kubernetes-x1";  // somebody else's
  EXPECT_THAT(select(ClusterBuilder().add(service("web", {"192.0.2.1"})).add(own)).all, SizeIs(1));
}

TEST(VipPorts, OfTwoServicesWithOneAddressAndPortTheFirstByNameHasIt) {
  const auto shuffled =
      ClusterBuilder().add(service("b", {"192.0.2.1"})).add(service("a", {"192.0.2.1"}));
  const VipPorts vipPorts = select(shuffled);
  ASSERT_THAT(vipPorts.all, SizeIs(1));
  EXPECT_EQ(vipPorts.all[0].service->key.name, "a");
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_EQ(vipPorts.problems[0].service.name, "b");
  EXPECT_THAT(vipPorts.problems[0].message, HasSubstr("default/a"));
}

TEST(VipPorts, AServiceThatIsBeingDeletedGivesWay) {
  model::Service going = service("a", {"192.0.2.1"});
  going.deleting = true;
  const VipPorts vipPorts = select(ClusterBuilder().add(going).add(service("b", {"192.0.2.1"})));
  ASSERT_THAT(vipPorts.all, SizeIs(1));
  EXPECT_EQ(vipPorts.all[0].service->key.name, "b");
}

TEST(VipPorts, AServiceThatIsBeingDeletedIsServedUntilItsAddressIsGone) {
  model::Service going = service("a", {"192.0.2.1"});
  going.deleting = true;
  EXPECT_THAT(select(ClusterBuilder().add(going)).all, SizeIs(1));
}

TEST(VipPorts, ServicesWithDisjointPortsMayShareAnAddress) {
  const VipPorts vipPorts = select(ClusterBuilder()
                                       .add(service("a", {"192.0.2.1"}))
                                       .add(onPort(443, service("b", {"192.0.2.1"}))));
  EXPECT_THAT(keysOf(vipPorts), ElementsAre(tcp("192.0.2.1", 80), tcp("192.0.2.1", 443)));
  EXPECT_THAT(vipPorts.problems, IsEmpty());
}

// A wish that the operator refused.

TEST(VipPorts, ARecordedAddressIsServedThoughAWishOfTheServiceWasRefused) {
  const auto cluster = ClusterBuilder()
                           .add(refused(service("web", {"192.0.2.1", "192.0.2.2"})))
                           .add(ipObject("web", "192.0.2.1"));
  const VipPorts vipPorts = select(cluster);
  EXPECT_THAT(keysOf(vipPorts), ElementsAre(tcp("192.0.2.1", 80))) << "the other has no record";
  EXPECT_THAT(vipPorts.problems, IsEmpty());
}

TEST(VipPorts, FlagsThatNoLongerServeAClassStopNoTraffic) {
  const model::ClassRules others{true, {"example.com/lb"}};
  const auto served = [&](const std::string& itsClass, const std::string& recordedClass) {
    model::Service web = service("web", {"192.0.2.1"});
    web.loadBalancerClass = itsClass;
    model::IpObject record = ipObject("web", "192.0.2.1");
    record.serviceOwner = model::OwnerReference{"v1", "Service", "web", web.uid};
    record.servedClass = recordedClass;
    const auto cluster = ClusterBuilder().add(web).add(record);
    return !assignVipPorts(cluster.state, others).all.empty();
  };
  EXPECT_TRUE(served("", ""));
  EXPECT_TRUE(served("barevip.dev/barevip", ""));
  EXPECT_TRUE(served("metallb", "metallb"));
  EXPECT_FALSE(served("metallb", "")) << "the Service changed: it is somebody else's";
}

TEST(VipPorts, FlagsThatNoLongerServeAClassStopNoUserOfAReservation) {
  model::Service web = service("web", {"192.0.2.1"});
  web.loadBalancerClass = "metallb";
  model::IpObject reservation = ipObject("front", "192.0.2.1");
  reservation.serviceOwner.reset();
  const auto served = [&](const std::vector<std::string>& users) {
    reservation.status.services.assign(users.begin(), users.end());
    const auto cluster = ClusterBuilder().add(web).add(reservation);
    const model::ClassRules others{true, {"example.com/lb"}};
    return !assignVipPorts(cluster.state, others).all.empty();
  };
  EXPECT_TRUE(served({"web"}));
  EXPECT_FALSE(served({"other"}));
}

TEST(VipPorts, ARefusedServiceIsNotServedByTheRecordOfAnother) {
  const auto cluster = ClusterBuilder()
                           .add(refused(service("thief", {"192.0.2.1"})))
                           .add(ipObject("web", "192.0.2.1"));
  EXPECT_THAT(select(cluster).all, IsEmpty());
}

TEST(VipPorts, ARecordDoesNotMakeAnAddressOursThatWeDidNotWrite) {
  model::Service web = refused(service("web", {"192.0.2.1"}));
  web.ingress[0].ipMode = "";
  EXPECT_THAT(select(ClusterBuilder().add(web).add(ipObject("web", "192.0.2.1"))).all, IsEmpty());
}

TEST(VipPorts, OfARefusedServiceWhatIsNoAddressIsPassedOver) {
  const VipPorts vipPorts = select(ClusterBuilder().add(refused(service("web", {"no-address"}))));
  EXPECT_THAT(vipPorts.all, IsEmpty());
  EXPECT_THAT(vipPorts.problems, IsEmpty());
}

// Two Services, one port.

struct Rivals {
  const char* name;
  std::vector<std::string> portsOfA;  ///< by the record; "a" comes first by name
  std::vector<std::string> portsOfB;
  bool aGoes = false;
  bool bGoes = false;
  const char* winner = "";
};

class RivalsTest : public testing::TestWithParam<Rivals> {};

TEST_P(RivalsTest, HaveThePortByTheRecord) {
  const Rivals& with = GetParam();
  model::Service a = service("a", {"192.0.2.1"});
  model::Service b = service("b", {"192.0.2.1"});
  a.deleting = with.aGoes;
  b.deleting = with.bGoes;
  const VipPorts vipPorts = select(ClusterBuilder()
                                       .add(a)
                                       .add(b)
                                       .add(granting("a", "192.0.2.1", with.portsOfA))
                                       .add(granting("b", "192.0.2.1", with.portsOfB)));
  ASSERT_THAT(vipPorts.all, SizeIs(1));
  EXPECT_EQ(vipPorts.all[0].service->key.name, with.winner);
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_NE(vipPorts.problems[0].service.name, with.winner);
  EXPECT_EQ(vipPorts.problems[0].reason, "AddressConflict");
}

INSTANTIATE_TEST_SUITE_P(
    VipPorts, RivalsTest,
    testing::Values(Rivals{"none_granted", {}, {}, false, false, "a"},
                    Rivals{"the_second_granted", {}, {"80/TCP"}, false, false, "b"},
                    Rivals{"the_other_protocol_granted", {}, {"80/UDP"}, false, false, "a"},
                    Rivals{"granted_until_it_is_gone", {}, {"80/TCP"}, false, true, "b"},
                    Rivals{"both_granted", {"80/TCP"}, {"80/TCP"}, false, false, "a"},
                    Rivals{"both_granted_the_first_goes", {"80/TCP"}, {"80/TCP"}, true, false, "b"},
                    Rivals{"none_granted_the_first_goes", {}, {}, true, false, "b"}),
    [](const auto& test) { return test.param.name; });

TEST(VipPorts, WhoHasThePortIsNamedToThoseOfItsNamespaceAlone) {
  for (const char* const ns : {"default", "other"}) {
    model::Service b = service("b", {"192.0.2.1"});
    b.key.ns = ns;
    const VipPorts vipPorts = select(ClusterBuilder().add(service("a", {"192.0.2.1"})).add(b));
    ASSERT_THAT(vipPorts.problems, SizeIs(1));
    const bool named = vipPorts.problems[0].message.find("default/a") != std::string::npos;
    EXPECT_EQ(named, std::string(ns) == "default") << vipPorts.problems[0].message;
  }
}

TEST(VipPorts, OnlyTheClashingPortOfTheLoserIsNotServed) {
  model::Service a = service("a", {"192.0.2.1"});
  a.ports.push_back({"https", model::Protocol::kTcp, 443, 0});
  const VipPorts vipPorts = select(ClusterBuilder()
                                       .add(a)
                                       .add(onPort(443, service("b", {"192.0.2.1"})))
                                       .add(granting("a", "192.0.2.1", {"80/TCP"}))
                                       .add(granting("b", "192.0.2.1", {"443/TCP"})));
  ASSERT_THAT(keysOf(vipPorts), ElementsAre(tcp("192.0.2.1", 80), tcp("192.0.2.1", 443)));
  EXPECT_EQ(vipPorts.all[0].service->key.name, "a");
  EXPECT_EQ(vipPorts.all[1].service->key.name, "b");
  ASSERT_THAT(vipPorts.problems, SizeIs(1));
  EXPECT_THAT(vipPorts.problems[0].message, HasSubstr("port 443/TCP"));
}

TEST(VipPorts, EveryLoserIsToldWhoHasThePort) {
  ClusterBuilder cluster;
  for (const char* name : {"a", "b", "c"}) cluster.add(service(name, {"192.0.2.1"}));
  const VipPorts vipPorts = select(cluster.add(granting("c", "192.0.2.1", {"80/TCP"})));
  ASSERT_THAT(vipPorts.problems, SizeIs(2));
  for (const Problem& problem : vipPorts.problems) {
    EXPECT_THAT(problem.message, HasSubstr("default/c"));
  }
}

}  // namespace
}  // namespace barevip::node::test
