// SPDX-License-Identifier: Apache-2.0
// RtnetlinkSocket against the real thing. `ip` stands for people and the other programs of a node,
// and as a witness that does not share our code.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "fakes/fake_rtnetlink.h"
#include "fakes/printers.h"
#include "ipvsnode/netlink/link_setup.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "kernel/namespace_test.h"

namespace barevip::kernel_test {
namespace {

using net::BoundAddress;
using net::NetObject;
using net::NetOp;
using net::ProxyNeighbour;
using net::Route;
using net::Rule;
using netlink::RtnetlinkOptions;
using netlink::RtnetlinkSocket;

const IpAddress kVip = ip("192.0.2.1");
const IpAddress kVip6 = ip("2001:db8::1");

NetOp add(const NetObject& item) { return {NetOp::Kind::kAdd, item}; }
NetOp remove(const NetObject& item) { return {NetOp::Kind::kDelete, item}; }

NetObject routeBy(const char* gateway, const IpAddress& vip = kVip,
                  std::uint32_t table = net::kMainTable) {
  return Route{IpPrefix::host(vip), table, ip(gateway), "nic"};
}

/// One of each kind and family, as the daemon uses them.
std::vector<NetObject> everything() {
  std::vector<NetObject> items = {
      BoundAddress{kVip, "nic"},
      BoundAddress{kVip6, "nic"},
      BoundAddress{kVip, "barevip0"},
      BoundAddress{kVip6, "barevip0"},
      routeBy("169.254.77.6"),
      routeBy("fd77:6276:6970::6", kVip6),
      routeBy("169.254.77.2", kVip, net::kOutsideTable),
      routeBy("fd77:6276:6970::2", kVip6, net::kOutsideTable),
      Route{{ip("0.0.0.0"), 0}, net::kReturnTable, ip("169.254.77.2"), "nic"},
      Route{{ip("::"), 0}, net::kReturnTable, ip("fd77:6276:6970::2"), "nic"},
      ProxyNeighbour{kVip, "nic"},
      ProxyNeighbour{kVip6, "nic"},
      Rule{Family::kIpv4, net::kOutsideRulePriority, net::kOutsideTable, "nic", 0, 0},
      Rule{Family::kIpv6, net::kOutsideRulePriority, net::kOutsideTable, "nic", 0, 0},
      Rule{Family::kIpv4, net::kReturnRulePriority, net::kReturnTable, "", 0x100000, 0x100000},
      Rule{Family::kIpv6, net::kReturnRulePriority, net::kReturnTable, "", 0x100000, 0x100000}};
  std::sort(items.begin(), items.end());
  return items;
}

std::vector<NetOp> each(NetOp::Kind kind, const std::vector<NetObject>& items) {
  std::vector<NetOp> ops;
  for (const auto& item : items) ops.push_back({kind, item});
  return ops;
}

/// A NIC with a cable to another namespace, and a dummy device.
class RtnetlinkKernelTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    // Link-local addresses are ready at once, so that what a test sees does not depend on the time.
    run("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
    runIp(
        "link add nic type veth peer name far\n"
        "link add barevip0 type dummy\n"
        "link set nic up\n"
        "link set far up\n"
        "link set barevip0 up\n"
        "addr add 198.51.100.10/24 dev nic\n"
        "addr add 2001:db8:1::10/64 dev nic nodad\n"
        "addr add fd77:6276:6970::1/64 dev nic nodad");
  }

  static RtnetlinkSocket open(const std::set<std::string>& ownDevices = {}) {
    auto links = RtnetlinkSocket::open({.ownDevices = ownDevices});
    if (!links) throw std::runtime_error(links.error().message);
    return std::move(*links);
  }

  static std::vector<NetObject> owned(RtnetlinkSocket& links) {
    auto items = links.dumpOwned();
    if (!items) throw std::runtime_error(items.error().message);
    return std::move(*items);
  }

  static std::vector<int> applied(RtnetlinkSocket& links, const std::vector<NetOp>& plan) {
    auto results = links.apply(plan);
    if (!results) throw std::runtime_error(results.error().message);
    return std::move(*results);
  }

  static void expectLine(const std::string& output, const std::string& line) {
    EXPECT_NE(output.find(line), std::string::npos) << line << " is missing in\n" << output;
  }
};

TEST_F(RtnetlinkKernelTest, WhatWasAppliedIsListedAsOurs) {
  auto links = open();
  const auto items = everything();
  EXPECT_EQ(applied(links, each(NetOp::Kind::kAdd, items)), std::vector<int>(items.size(), 0));
  EXPECT_EQ(owned(links), items);
}

TEST_F(RtnetlinkKernelTest, OthersSeeItemsWithOurMark) {
  auto links = open();
  applied(links, each(NetOp::Kind::kAdd, everything()));
  expectLine(run("ip -o -4 addr show dev nic"), "192.0.2.1/32 scope host nic:bvip");
  expectLine(run("ip -o -6 addr show dev nic"),
             "2001:db8::1/128 scope global nodad deprecated noprefixroute");
  expectLine(run("ip route show table 11801"),
             "192.0.2.1 via 169.254.77.2 dev nic proto 118 onlink");
  expectLine(run("ip -6 route show table 11802"),
             "default via fd77:6276:6970::2 dev nic proto 118 metric 1024 onlink");
  expectLine(run("ip neigh show proxy"), "192.0.2.1 dev nic proxy proto 118");
  expectLine(run("ip -6 neigh show proxy"), "2001:db8::1 dev nic proxy proto 118");
  expectLine(run("ip -details rule"), "119:\tfrom all iif nic lookup 11801 proto 118");
  expectLine(run("ip -6 -details rule"),
             "118:\tfrom all fwmark 0x100000/0x100000 lookup 11802 proto 118");
}

TEST_F(RtnetlinkKernelTest, ASecondApplyChangesNothing) {
  auto links = open();
  const auto items = everything();
  applied(links, each(NetOp::Kind::kAdd, items));
  EXPECT_EQ(applied(links, each(NetOp::Kind::kAdd, items)), std::vector<int>(items.size(), 0));
  EXPECT_EQ(owned(links), items);
}

TEST_F(RtnetlinkKernelTest, ANewProcessTakesOverWhatIsThere) {
  const auto items = everything();
  {
    auto before = open();
    applied(before, each(NetOp::Kind::kAdd, items));
  }
  auto after = open();
  EXPECT_EQ(owned(after), items);
}

TEST_F(RtnetlinkKernelTest, DeletesLeaveNothingAndMayBeRepeated) {
  auto links = open();
  const auto items = everything();
  applied(links, each(NetOp::Kind::kAdd, items));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(applied(links, each(NetOp::Kind::kDelete, items)), std::vector<int>(items.size(), 0));
    EXPECT_EQ(owned(links), std::vector<NetObject>{});
  }
}

/// A namespace in which another program holds the place of every item.
class ForeignObjectsTest : public RtnetlinkKernelTest {
 protected:
  void SetUp() override {
    RtnetlinkKernelTest::SetUp();
    runIp(
        "addr add 192.0.2.1/32 dev nic\n"
        "addr add 2001:db8::1/128 dev nic nodad\n"
        "route add 192.0.2.1/32 via 169.254.77.6 dev nic onlink\n"
        "route add 2001:db8::1/128 via fd77:6276:6970::6 dev nic\n"
        "neigh add proxy 192.0.2.1 dev nic\n"
        "neigh add proxy 2001:db8::1 dev nic");
  }

  static std::string snapshot() {
    return run(
        "ip -o addr; ip route show table all; ip -6 route show table all; ip neigh show proxy");
  }

  const std::vector<NetObject> items_ = {
      BoundAddress{kVip, "nic"},   BoundAddress{kVip6, "nic"},
      routeBy("169.254.77.6"),     routeBy("fd77:6276:6970::6", kVip6),
      ProxyNeighbour{kVip, "nic"}, ProxyNeighbour{kVip6, "nic"}};
};

TEST_F(ForeignObjectsTest, AreNotListedAsOurs) {
  auto links = open();
  EXPECT_EQ(owned(links), std::vector<NetObject>{});
}

TEST_F(ForeignObjectsTest, AreInTheWayAndStay) {
  auto links = open();
  const std::string before = snapshot();
  EXPECT_EQ(applied(links, each(NetOp::Kind::kAdd, items_)),
            std::vector<int>(items_.size(), EEXIST));
  EXPECT_EQ(snapshot(), before);
}

TEST_F(ForeignObjectsTest, AreNotDeletedInPlaceOfOurs) {
  auto links = open();
  const std::string before = snapshot();
  EXPECT_EQ(applied(links, each(NetOp::Kind::kDelete, items_)), std::vector<int>(items_.size(), 0));
  EXPECT_EQ(snapshot(), before);
}

TEST_F(ForeignObjectsTest, AreInTheWayOfAPlanThatCollidesWithItselfAndStay) {
  auto links = open();
  const std::string before = snapshot();
  std::vector<NetOp> plan;
  std::vector<int> expected;
  for (const char* gateway : {"169.254.77.7", "169.254.77.2"}) {
    plan.insert(plan.end(), {add(routeBy(gateway)), remove(routeBy(gateway))});
    plan.insert(plan.end(), {add(routeBy(gateway)), add(routeBy(gateway))});
    expected.insert(expected.end(), {EEXIST, 0, EEXIST, EEXIST});
  }
  for (const NetObject& item : items_) {
    plan.insert(plan.end(), {add(item), remove(item)});
    expected.insert(expected.end(), {EEXIST, 0});
  }
  EXPECT_EQ(applied(links, plan), expected);
  EXPECT_EQ(snapshot(), before);
}

TEST_F(ForeignObjectsTest, AreAmongAllAddresses) {
  auto links = open();
  const auto addresses = links.dumpAddresses();
  ASSERT_TRUE(addresses) << addresses.error().message;
  for (const auto& address :
       {BoundAddress{kVip, "nic"}, BoundAddress{kVip6, "nic"},
        BoundAddress{ip("198.51.100.10"), "nic"}, BoundAddress{ip("127.0.0.1"), "lo"}}) {
    EXPECT_EQ(std::count(addresses->begin(), addresses->end(), address), 1)
        << address.address.toString();
  }
}

TEST_F(RtnetlinkKernelTest, AForeignRuleStandsBesideOursAndStays) {
  run("ip rule add pref 119 iif nic lookup 11801");
  const std::string before = run("ip -details rule");
  const NetObject rule = Rule{Family::kIpv4, 119, 11801, "nic", 0, 0};
  auto links = open();
  EXPECT_EQ(owned(links), std::vector<NetObject>{});
  EXPECT_EQ(applied(links, {remove(rule)}), std::vector<int>{0});
  EXPECT_EQ(run("ip -details rule"), before);
  EXPECT_EQ(applied(links, {add(rule)}), std::vector<int>{0});
  EXPECT_EQ(owned(links), std::vector<NetObject>{rule});
  EXPECT_EQ(applied(links, {remove(rule)}), std::vector<int>{0});
  EXPECT_EQ(run("ip -details rule"), before);
}

TEST_F(RtnetlinkKernelTest, ARouteOfOursByAnotherGatewayGivesWay) {
  auto links = open();
  const auto before =
      std::vector<NetObject>{routeBy("169.254.77.2"), routeBy("fd77:6276:6970::2", kVip6)};
  const auto after =
      std::vector<NetObject>{routeBy("169.254.77.6"), routeBy("fd77:6276:6970::6", kVip6)};
  applied(links, each(NetOp::Kind::kAdd, before));
  // The new ones first: no packet is without a route.
  EXPECT_EQ(applied(links, {add(after[0]), add(after[1]), remove(before[0]), remove(before[1])}),
            std::vector<int>(4, 0));
  EXPECT_EQ(owned(links), after);
}

TEST_F(RtnetlinkKernelTest, RoutesOfOneVipInTwoTablesAreTwo) {
  auto links = open();
  applied(links, {add(routeBy("169.254.77.6")), add(routeBy("169.254.77.2", kVip, 11801)),
                  remove(routeBy("169.254.77.6"))});
  EXPECT_EQ(owned(links), std::vector<NetObject>{routeBy("169.254.77.2", kVip, 11801)});
}

TEST_F(RtnetlinkKernelTest, OnADeviceThatIsNotThereAddsFailAndDeletesAreDone) {
  auto links = open();
  const std::vector<NetObject> items = {
      BoundAddress{kVip, "gone"}, ProxyNeighbour{kVip6, "gone"},
      Route{IpPrefix::host(kVip), net::kMainTable, ip("10.0.0.1"), "gone"}};
  EXPECT_EQ(applied(links, each(NetOp::Kind::kAdd, items)), std::vector<int>(3, ENODEV));
  EXPECT_EQ(applied(links, each(NetOp::Kind::kDelete, items)), std::vector<int>(3, 0));
}

TEST_F(RtnetlinkKernelTest, AGatewayOfTheOtherFamilyIsRefused) {
  auto links = open();
  EXPECT_EQ(applied(links, {add(routeBy("fd77:6276:6970::2", kVip))}), std::vector<int>{EINVAL});
}

TEST_F(RtnetlinkKernelTest, OurAddressesAreUsableAtOnceAndNeverSources) {
  auto links = open();
  applied(links, {add(BoundAddress{kVip, "nic"}), add(BoundAddress{kVip6, "nic"})});
  EXPECT_EQ(run("ip -6 addr show dev nic tentative to 2001:db8::1"), "");
  expectLine(run("ip route get 198.51.100.99"), "src 198.51.100.10");
  // Closer to the VIP than to the node's own address by every other rule of RFC 6724.
  run("ip -6 route add 2001:db8::/64 dev nic");
  expectLine(run("ip -6 route get 2001:db8::99"), "src 2001:db8:1::10");
}

TEST_F(RtnetlinkKernelTest, InADirectorEveryHostAddressOfLoIsOurs) {
  run("ip addr add 192.0.2.1/32 dev lo");
  run("ip -6 addr add 2001:db8::1/128 dev lo");
  run("ip addr add 203.0.113.1/24 dev lo");
  auto director = open({"lo"});
  const std::vector<NetObject> ours = {BoundAddress{kVip, "lo"}, BoundAddress{kVip6, "lo"}};
  EXPECT_EQ(owned(director), ours) << "neither loopback addresses nor networks are";
  EXPECT_EQ(applied(director, each(NetOp::Kind::kAdd, ours)), std::vector<int>(2, 0));
  EXPECT_EQ(applied(director, each(NetOp::Kind::kDelete, ours)), std::vector<int>(2, 0));
  EXPECT_EQ(owned(director), std::vector<NetObject>{});
}

TEST_F(RtnetlinkKernelTest, AddressesFromKernelsWithoutMarksAreFoundByLabelAndDummy) {
  // What a kernel before 5.18 keeps of ours: no protocol.
  run("ip addr add 192.0.2.1/32 dev nic label nic:bvip");
  run("ip addr add 192.0.2.1/32 dev barevip0");
  run("ip -6 addr add 2001:db8::1/128 dev barevip0 preferred_lft 0");
  run("ip -6 addr add 2001:db8::1/128 dev nic nodad preferred_lft 0");
  // Deprecated, but not on the dummy: somebody else's.
  run("ip -6 addr add 2001:db8::2/128 dev nic nodad preferred_lft 0");
  auto links = open({"barevip0"});
  const std::vector<NetObject> ours = {BoundAddress{kVip, "barevip0"}, BoundAddress{kVip, "nic"},
                                       BoundAddress{kVip6, "barevip0"}, BoundAddress{kVip6, "nic"}};
  EXPECT_EQ(owned(links), ours);
  EXPECT_EQ(applied(links, each(NetOp::Kind::kDelete, ours)), std::vector<int>(4, 0));
  EXPECT_EQ(owned(links), std::vector<NetObject>{});
}

TEST_F(RtnetlinkKernelTest, TheOwnerAnswersForAVipThatItForwards) {
  const auto client = newNamespace();
  run("ip link delete nic");
  auto setup = netlink::LinkSetup::open();
  ASSERT_TRUE(setup && setup->ensureVeth("nic", "far", client.get()) && setup->setUp("nic"));
  run("ip addr add 192.0.2.10/24 dev nic; ip -6 addr add 2001:db8::10/64 dev nic nodad");
  run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
      "net.ipv4.neigh.nic.proxy_delay=0 net.ipv6.neigh.nic.proxy_delay=0 "
      "net.ipv6.conf.nic.proxy_ndp=1");
  auto links = open();
  applied(links, {add(Route{IpPrefix::host(kVip), net::kMainTable, ip("10.0.0.1"), "barevip0"}),
                  add(Route{IpPrefix::host(kVip6), net::kMainTable, ip("fd00::1"), "barevip0"}),
                  add(ProxyNeighbour{kVip, "nic"}), add(ProxyNeighbour{kVip6, "nic"})});
  const auto mac = links.device("nic")->mac;
  within(client, [&] {
    run("ip link set far up; ip addr add 192.0.2.99/24 dev far");
    run("ip -6 addr add 2001:db8::99/64 dev far nodad");
    // The VIP answers nothing here, but its neighbour entry does.
    run("ping -c 1 -W 1 192.0.2.1 || true; ping -c 1 -W 1 2001:db8::1 || true");
    std::string text;
    for (const auto byte : mac) {
      constexpr const char* kDigits = "0123456789abcdef";
      if (!text.empty()) text += ":";
      text += kDigits[std::to_integer<unsigned>(byte) / 16];
      text += kDigits[std::to_integer<unsigned>(byte) % 16];
    }
    expectLine(run("ip neigh show 192.0.2.1"), "lladdr " + text);
    expectLine(run("ip -6 neigh show 2001:db8::1"), "lladdr " + text);
  });
}

// Plans over so few items that they collide all the time.
std::vector<NetOp> randomPlan() {
  auto items = everything();
  items.push_back(routeBy("169.254.77.7"));
  items.push_back(routeBy("fd77:6276:6970::7", kVip6));
  std::vector<NetOp> plan;
  const auto length = *rc::gen::inRange(0, 20);
  for (int i = 0; i < length; ++i) {
    plan.push_back(
        {*rc::gen::element(NetOp::Kind::kAdd, NetOp::Kind::kDelete), *rc::gen::elementOf(items)});
  }
  return plan;
}

TEST_F(RtnetlinkKernelTest, TheFakeAndTheKernelAgreeOnAnyPlans) {
  auto links = open();
  const bool held = rc::check("a plan has one outcome", [&] {
    fakes::FakeRtnetlink fake;
    for (const char* device : {"nic", "barevip0"}) fake.addDevice(device);
    applied(links, each(NetOp::Kind::kDelete, owned(links)));
    const auto rounds = *rc::gen::inRange(1, 4);
    for (int round = 0; round < rounds; ++round) {
      const auto plan = randomPlan();
      RC_ASSERT(applied(links, plan) == *fake.apply(plan));
      RC_ASSERT(owned(links) == fake.owned());
    }
  });
  EXPECT_TRUE(held);
}

TEST_F(RtnetlinkKernelTest, ThousandsOfAddressesFitIntoOnePlan) {
  auto links = open({"lo"});
  std::vector<NetObject> items;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    items.emplace_back(BoundAddress{IpAddress::fromNumber(Family::kIpv4, 0x0a600000U + i), "lo"});
  }
  EXPECT_EQ(applied(links, each(NetOp::Kind::kAdd, items)), std::vector<int>(items.size(), 0));
  EXPECT_EQ(owned(links), items);
}

TEST_F(RtnetlinkKernelTest, ADeviceIsDescribed) {
  auto links = open();
  const auto nic = links.device("nic");
  ASSERT_TRUE(nic) << nic.error().message;
  EXPECT_EQ(nic->name, "nic");
  expectLine(run("ip -o link show nic"), std::to_string(nic->index) + ": nic@far");
  EXPECT_TRUE(nic->up);
  EXPECT_TRUE(nic->running);
  EXPECT_EQ(nic->mac.size(), 6U);
  run("ip link set far down");
  EXPECT_FALSE(links.device("nic")->running) << "the cable is out";
  run("ip link set nic down");
  EXPECT_FALSE(links.device("nic")->up);
}

TEST_F(RtnetlinkKernelTest, ADeviceThatIsNotThereIsNotFound) {
  auto links = open();
  for (const char* name : {"eth7", "a-name-that-is-too-long-for-the-kernel"}) {
    const auto none = links.device(name);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kNotFound) << none.error().message;
    EXPECT_NE(none.error().message.find(name), std::string::npos);
  }
}

TEST_F(RtnetlinkKernelTest, ANamespaceIsReachedByItsDescriptor) {
  const auto director = newNamespace();
  auto links = RtnetlinkSocket::open({.namespaceFd = director.get(), .ownDevices = {"lo"}});
  ASSERT_TRUE(links) << links.error().message;
  EXPECT_EQ(applied(*links, {add(BoundAddress{kVip, "lo"})}), std::vector<int>{0});
  EXPECT_EQ(run("ip addr show dev lo to 192.0.2.1"), "") << "it must not be in this namespace";
  EXPECT_EQ(owned(*links), std::vector<NetObject>({BoundAddress{kVip, "lo"}}));
}

}  // namespace
}  // namespace barevip::kernel_test
