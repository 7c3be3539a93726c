// SPDX-License-Identifier: Apache-2.0
// What people read of changes in logs and events.
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "barevip/ipvs/kernel.h"
#include "barevip/net/rtnetlink.h"

namespace barevip {
namespace {

using ipvs::Op;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

const ipvs::VirtualServerKey kWeb{ip("192.0.2.1"), 80, ipvs::Protocol::kTcp};
const ipvs::VirtualServerKey kDns6{ip("2001:db8::1"), 53, ipvs::Protocol::kUdp};

Op op(Op::Kind kind) {
  return {kind, kWeb, {"mh", ipvs::kPersistent, 60}, {ip("10.0.0.1"), 8080}, 3};
}

TEST(Describe, VirtualServersAsPeopleWriteThem) {
  EXPECT_EQ(toString(kWeb), "TCP 192.0.2.1:80");
  EXPECT_EQ(toString(kDns6), "UDP [2001:db8::1]:53");
}

TEST(Describe, TimeoutsWithoutThoseThatAreNobodysWish) {
  using std::chrono::seconds;
  EXPECT_EQ(toString(ipvs::Timeouts{seconds(7260), seconds(120), seconds(300)}),
            "tcp 7260s, tcp-fin 120s, udp 300s");
  EXPECT_EQ(toString(ipvs::Timeouts{seconds(0), seconds(0), seconds(30)}), "udp 30s");
}

TEST(Timeouts, AreFulfilledWhereTheKernelHasWhatIsWishedFor) {
  using std::chrono::seconds;
  const ipvs::Timeouts kernel{seconds(900), seconds(120), seconds(0)};
  EXPECT_TRUE(fulfils(kernel, {}));
  EXPECT_TRUE(fulfils(kernel, {seconds(900), seconds(0), seconds(0)}));
  EXPECT_FALSE(fulfils(kernel, {seconds(7260), seconds(120), seconds(0)}));
  EXPECT_FALSE(fulfils(kernel, {seconds(0), seconds(60), seconds(0)}));
  EXPECT_TRUE(fulfils(kernel, {seconds(0), seconds(0), seconds(30)})) << "it knows no UDP";
}

TEST(Describe, ChangesOfIpvs) {
  EXPECT_EQ(toString(op(Op::Kind::kAddVirtualServer)), "add TCP 192.0.2.1:80 mh persistent 60 s");
  EXPECT_EQ(toString(op(Op::Kind::kSetVirtualServer)), "set TCP 192.0.2.1:80 mh persistent 60 s");
  EXPECT_EQ(toString(op(Op::Kind::kDeleteVirtualServer)), "delete TCP 192.0.2.1:80");
  EXPECT_EQ(toString(op(Op::Kind::kAddRealServer)),
            "add TCP 192.0.2.1:80 -> 10.0.0.1:8080 weight 3");
  EXPECT_EQ(toString(op(Op::Kind::kSetRealServer)),
            "set TCP 192.0.2.1:80 -> 10.0.0.1:8080 weight 3");
  EXPECT_EQ(toString(op(Op::Kind::kDeleteRealServer)), "delete TCP 192.0.2.1:80 -> 10.0.0.1:8080");
}

TEST(Describe, ItemsAsIpWritesThem) {
  EXPECT_EQ(toString(net::NetObject{net::BoundAddress{ip("192.0.2.1"), "eth0"}}),
            "address 192.0.2.1 dev eth0");
  EXPECT_EQ(toString(net::NetObject{
                net::Route{{ip("192.0.2.1"), 32}, 254, ip("169.254.77.2"), "bvip-out"}}),
            "route 192.0.2.1/32 via 169.254.77.2 dev bvip-out table 254");
  EXPECT_EQ(toString(net::NetObject{net::ProxyNeighbour{ip("2001:db8::1"), "eth0"}}),
            "proxy neighbour 2001:db8::1 dev eth0");
  EXPECT_EQ(toString(net::NetObject{net::Rule{Family::kIpv4, 119, 11801, "eth0", 0, 0}}),
            "IPv4 rule 119: iif eth0 lookup 11801");
  EXPECT_EQ(toString(net::NetObject{net::Rule{Family::kIpv6, 118, 11802, "", 0x100000, 0x100000}}),
            "IPv6 rule 118: fwmark 0x100000/0x100000 lookup 11802");
  EXPECT_EQ(toString(net::NetObject{net::Rule{Family::kIpv4, 116, 254, "", 0x1100, 0x1f00, true}}),
            "IPv4 rule 116: fwmark 0x1100/0x1f00 lookup 254 suppress_prefixlength 0");
}

TEST(Explain, SaysHowToGetAScheduler) {
  const std::string text = explain(op(Op::Kind::kAddVirtualServer), ENOENT);
  EXPECT_NE(text.find("cannot add TCP 192.0.2.1:80 mh"), std::string::npos) << text;
  EXPECT_NE(text.find("modprobe ip_vs_mh"), std::string::npos) << text;
}

TEST(Explain, TellsAMissingVirtualServerFromAMissingRealServer) {
  EXPECT_NE(explain(op(Op::Kind::kSetRealServer), ESRCH).find("virtual server is gone"),
            std::string::npos);
  EXPECT_NE(explain(op(Op::Kind::kSetRealServer), ENOENT).find("real server is gone"),
            std::string::npos);
}

TEST(Explain, FallsBackToTheKernelsWords) {
  EXPECT_NE(explain(op(Op::Kind::kAddRealServer), EINVAL).find("Invalid argument"),
            std::string::npos);
}

}  // namespace
}  // namespace barevip
