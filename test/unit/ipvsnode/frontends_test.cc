// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/frontends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<ipvs::VirtualServerKey> keysOf(const Frontends& frontends) {
  std::vector<ipvs::VirtualServerKey> result;
  for (const Frontend& frontend : frontends.all) result.push_back(frontend.key);
  return result;
}

Frontends select(const ClusterBuilder& cluster, const std::map<IpAddress, std::string>& held = {}) {
  return selectFrontends(cluster.state, held, false);
}

TEST(Frontends, EveryPortOfEveryAddressOfAServiceIsServed) {
  model::Service web = service("web", {"192.0.2.1", "2001:db8::1"});
  web.ports.push_back({"dns", model::Protocol::kUdp, 53, 0});
  EXPECT_THAT(keysOf(select(ClusterBuilder().add(web))),
              ElementsAre(udp("192.0.2.1", 53), tcp("192.0.2.1", 80), udp("2001:db8::1", 53),
                          tcp("2001:db8::1", 80)));
}

struct NotServed {
  const char* why;
  void (*spoil)(model::Service&);
};

class NotServedTest : public testing::TestWithParam<NotServed> {};

TEST_P(NotServedTest, IsLeftAloneWithoutAWord) {
  model::Service web = service("web", {"192.0.2.1"});
  GetParam().spoil(web);
  const Frontends frontends = select(ClusterBuilder().add(web));
  EXPECT_THAT(frontends.all, IsEmpty());
  EXPECT_THAT(frontends.problems, IsEmpty());
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
        NotServed{"mode_vip", [](model::Service& s) { s.ingress[0].ipMode = "VIP"; }},
        NotServed{"host_name",
                  [](model::Service& s) {
                    s.ingress[0] = {"", "lb.example", "Proxy"};
                  }},
        NotServed{"port_zero", [](model::Service& s) { s.ports[0].port = 0; }}),
    [](const auto& test) { return test.param.why; });

class BadAddressTest : public testing::TestWithParam<const char*> {};

TEST_P(BadAddressTest, IsRefusedAndReported) {
  const Frontends frontends = select(ClusterBuilder().add(service("web", {GetParam()})));
  EXPECT_THAT(frontends.all, IsEmpty());
  ASSERT_THAT(frontends.problems, SizeIs(1));
  EXPECT_EQ(frontends.problems[0].reason, "InvalidAddress");
  EXPECT_THAT(frontends.problems[0].message, HasSubstr(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Addresses, BadAddressTest,
                         testing::Values("127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1",
                                         "169.254.77.2", "255.255.255.255", "::", "::1", "ff02::1",
                                         "fe80::1", "fd77:6276:6970::2", "no-address", "1.2.3"));

TEST(Frontends, ANodesOwnAddressIsNeverServed) {
  const Frontends frontends =
      select(ClusterBuilder().add(service("web", {"10.0.0.7"})).add(node("n7", "10.0.0.7")));
  EXPECT_THAT(frontends.all, IsEmpty());
  ASSERT_THAT(frontends.problems, SizeIs(1));
  EXPECT_THAT(frontends.problems[0].message, HasSubstr("node n7"));
}

TEST(Frontends, AnAddressThatSomethingElseHoldsHereIsReportedAndNotFoughtFor) {
  const Frontends frontends = select(ClusterBuilder().add(service("web", {"192.0.2.1"})),
                                     {{ip("192.0.2.1"), "device eth0"}});
  EXPECT_THAT(frontends.all, IsEmpty());
  ASSERT_THAT(frontends.problems, SizeIs(1));
  EXPECT_EQ(frontends.problems[0].reason, "AddressInUse");
  EXPECT_THAT(frontends.problems[0].message, HasSubstr("device eth0"));
}

TEST(Frontends, OfTwoServicesWithOneAddressAndPortTheFirstByNameHasIt) {
  const auto shuffled =
      ClusterBuilder().add(service("b", {"192.0.2.1"})).add(service("a", {"192.0.2.1"}));
  const Frontends frontends = select(shuffled);
  ASSERT_THAT(frontends.all, SizeIs(1));
  EXPECT_EQ(frontends.all[0].service->key.name, "a");
  ASSERT_THAT(frontends.problems, SizeIs(1));
  EXPECT_EQ(frontends.problems[0].service.name, "b");
  EXPECT_THAT(frontends.problems[0].message, HasSubstr("default/a"));
}

TEST(Frontends, AServiceThatIsBeingDeletedGivesWay) {
  model::Service going = service("a", {"192.0.2.1"});
  going.deleting = true;
  const Frontends frontends = select(ClusterBuilder().add(going).add(service("b", {"192.0.2.1"})));
  ASSERT_THAT(frontends.all, SizeIs(1));
  EXPECT_EQ(frontends.all[0].service->key.name, "b");
}

TEST(Frontends, AServiceThatIsBeingDeletedIsServedUntilItsAddressIsGone) {
  model::Service going = service("a", {"192.0.2.1"});
  going.deleting = true;
  EXPECT_THAT(select(ClusterBuilder().add(going)).all, SizeIs(1));
}

TEST(Frontends, ServicesWithDisjointPortsMayShareAnAddress) {
  model::Service second = service("b", {"192.0.2.1"});
  second.ports[0].port = 443;
  const Frontends frontends = select(ClusterBuilder().add(service("a", {"192.0.2.1"})).add(second));
  EXPECT_THAT(keysOf(frontends), ElementsAre(tcp("192.0.2.1", 80), tcp("192.0.2.1", 443)));
  EXPECT_THAT(frontends.problems, IsEmpty());
}

}  // namespace
}  // namespace barevip::node::test
