// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/namespace_view.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

namespace barevip::host {
namespace {

using Routes = std::set<NamespaceView::DefaultRoute>;

// /proc/net/route prints the gateway as a number of the machine's byte order.
const std::string kGateway4 = std::endian::native == std::endian::little ? "014DFEA9" : "A9FE4D01";

TEST(NamespaceView, ADefaultRouteByAGatewayIsSeen) {
  const std::string text =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
      "outside\t00000000\t" +
      kGateway4 +
      "\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "outside\t004DFEA9\t00000000\t0001\t0\t0\t0\tFCFFFFFF\t0\t0\t0\n";
  EXPECT_EQ(parseRoutes4(text), (Routes{{"outside", *IpAddress::parse("169.254.77.1")}}));
}

TEST(NamespaceView, AnIpv6DefaultRouteIsSeenAmongOthers) {
  const std::string text =
      "fd776276697000000000000000000000 7e 00000000000000000000000000000000 00 "
      "00000000000000000000000000000000 00000100 00000001 00000000 00000001  outside\n"
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
      "fd776276697000000000000000000001 00000400 00000001 00000000 00000003  outside\n"
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
      "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
  EXPECT_EQ(parseRoutes6(text), (Routes{{"outside", *IpAddress::parse("fd77:6276:6970::1")}}));
}

TEST(NamespaceView, DevicesThatFollowRouterAdvertisementsAreKnownByTheirRoutes) {
  const std::string nothing = " 00000000000000000000000000000000 00 ";
  const std::string text =
      "00000000000000000000000000000000 00" + nothing +
      "fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0\n"
      "20010db8000100000000000000000000 40" +
      nothing +
      "00000000000000000000000000000000 00000100 00000001 00000000 004c0001     eth1\n"
      "00000000000000000000000000000000 00" +
      nothing +
      "fe800000000000000000000000000002 00000400 00000001 00000000 00000003     eth2\n"
      "fe800000000000000000000000000000 40" +
      nothing + "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth3\n";
  EXPECT_EQ(parseAdvertised(text), (std::set<std::string>{"eth0", "eth1"}));
}

TEST(NamespaceView, MalformedLinesAreNoRoutes) {
  for (const std::string text :
       {"", "\n\n", "eth0", "eth0 0 0 0 0 0 0", "eth0 00000000 xyz 3 0 0 0 00000000",
        "eth0 00000000 123456789A 3 0 0 0 00000000"}) {
    EXPECT_TRUE(parseRoutes4(text).empty()) << text;
    EXPECT_TRUE(parseRoutes6(text).empty()) << text;
    EXPECT_TRUE(parseAdvertised(text).empty()) << text;
  }
  EXPECT_TRUE(parseRoutes6("00 00 00 00 zz776276697000000000000000000001 0 0 0 0 eth0").empty());
}

TEST(NamespaceView, TheLoopbackDeviceIsThereWithItsAddress) {
  const auto view = viewNamespace();
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_TRUE(view->devices.contains("lo"));
  EXPECT_GT(view->devices.at("lo").mtu, 0);
  if (!view->devices.at("lo").up) GTEST_SKIP() << "lo is down here";
  EXPECT_TRUE(view->devices.at("lo").addresses.contains({*IpAddress::parse("127.0.0.1"), 8}));
}

TEST(NamespaceView, OfSeveralDefaultRoutesThatWithTheLowestMetricCounts) {
  NamespaceView view;
  view.defaultRoutes =
      parseRoutes4("eth1 00000000 " + kGateway4 + " 0003 0 0 200 00000000 0 0 0\n" +
                   "eth0 00000000 " + kGateway4 + " 0003 0 0 100 00000000 0 0 0\n" +
                   "eth0 00000000 " + kGateway4 + " 0003 0 0 300 00000000 0 0 0\n");
  EXPECT_EQ(view.defaultRoutes.size(), 2U);
  EXPECT_EQ(preferredDevices(view, Family::kIpv4), (std::set<std::string>{"eth0"}));
  EXPECT_TRUE(preferredDevices(view, Family::kIpv6).empty());
  view.defaultRoutes.insert({"vpn0", *IpAddress::parse("198.51.100.1"), 100});
  EXPECT_EQ(preferredDevices(view, Family::kIpv4), (std::set<std::string>{"eth0", "vpn0"}));
}

TEST(NamespaceView, BindInterfacesHaveTheNetworksOfTheirAddressesAndTheirGateways) {
  const auto ip = [](const char* text) { return *IpAddress::parse(text); };
  NamespaceView view;
  view.devices["eth0"].addresses = {{ip("192.0.2.11"), 24}, {ip("192.0.2.200"), 32}};
  view.devices["eth1"].addresses = {
      {ip("198.51.100.11"), 24}, {ip("fe80::1"), 64}, {ip("2001:db8::11"), 64}};
  view.defaultRoutes = {{"eth1", ip("198.51.100.2"), 300},
                        {"eth1", ip("198.51.100.1"), 200},
                        {"eth1", ip("fe80::2"), 100}};
  const net::BindInterfaces expected{
      {"eth1",
       {*IpPrefix::parse("198.51.100.0/24"), *IpPrefix::parse("2001:db8::/64")},
       {ip("198.51.100.1"), ip("fe80::2")}},
      {"eth0", {*IpPrefix::parse("192.0.2.0/24")}}};
  EXPECT_EQ(bindInterfacesOf(view, {"eth1", "eth9", "eth0"}), expected);
}

}  // namespace
}  // namespace barevip::host
