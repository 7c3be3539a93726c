// SPDX-License-Identifier: Apache-2.0
// The bytes are those that a Linux 6.1 took and sent (test/kernel); sequence number and port are 0.
#include "ipvsnode/netlink/ipvs_codec.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "fakes/printers.h"
#include "unit/netlink/hex.h"

namespace barevip::netlink_test {
namespace {

using ipvs::Op;
using ipvs::Protocol;
using ipvs::VirtualServer;
using ipvs::VirtualServerKey;
using netlink::decodeRealServer;
using netlink::decodeVirtualServer;

constexpr std::uint16_t kFamily = 0x21;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

const VirtualServerKey kWeb{ip("192.0.2.1"), 80, Protocol::kTcp};
const VirtualServerKey kDns6{ip("2001:db8::1"), 53, Protocol::kUdp};

// family, command, AF_INET, TCP, address, port 80
constexpr const char* kWebKey =
    "06000100 02000000 06000200 06000000 14000300 c0000201 00000000 00000000 00000000 "
    "06000400 00500000";
// AF_INET6, UDP, address, port 53
constexpr const char* kDns6Key =
    "06000100 0a000000 06000200 11000000 14000300 20010db8 00000000 00000000 00000001 "
    "06000400 00350000";

struct EncodeCase {
  const char* name;
  Op op;
  std::string bytes;
};

class EncodeOp : public ::testing::TestWithParam<EncodeCase> {};

TEST_P(EncodeOp, GivesTheKernelsBytes) {
  EXPECT_EQ(toHex(netlink::encodeOp(kFamily, GetParam().op)), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Ipvs, EncodeOp,
    ::testing::Values(
        EncodeCase{"AddVirtualServer",
                   {Op::Kind::kAddVirtualServer, kWeb, {"rr", 0, 0}, {}, 1},
                   "68000000 21000100 00000000 00000000 01010000 54000180 " + std::string(kWebKey) +
                       " 07000600 72720000 0c000700 00000000 ffffffff 08000800 00000000 "
                       "08000900 ffffffff"},
        EncodeCase{"SetVirtualServerWithIpv6PersistenceAndSchedulerFlags",
                   {Op::Kind::kSetVirtualServer, kDns6, {"mh", 0x19, 10800}, {}, 1},
                   "68000000 21000100 00000000 00000000 02010000 54000180 " +
                       std::string(kDns6Key) +
                       " 07000600 6d680000 0c000700 19000000 ffffffff 08000800 302a0000 "
                       "08000900 80000000"},
        EncodeCase{"DeleteVirtualServer",
                   {Op::Kind::kDeleteVirtualServer, kWeb, {}, {}, 1},
                   "44000000 21000100 00000000 00000000 03010000 30000180 " + std::string(kWebKey)},
        EncodeCase{"AddRealServer",
                   {Op::Kind::kAddRealServer, kWeb, {}, {ip("10.0.0.1"), 8080}, 3},
                   "8c000000 21000100 00000000 00000000 05010000 30000180 " + std::string(kWebKey) +
                       " 48000280 14000100 0a000001 00000000 00000000 00000000 06000200 1f900000 "
                       "06000b00 02000000 08000300 00000000 08000400 03000000 08000500 00000000 "
                       "08000600 00000000"},
        EncodeCase{"SetRealServer",
                   {Op::Kind::kSetRealServer, kWeb, {}, {ip("10.0.0.1"), 8080}, 0},
                   "8c000000 21000100 00000000 00000000 06010000 30000180 " + std::string(kWebKey) +
                       " 48000280 14000100 0a000001 00000000 00000000 00000000 06000200 1f900000 "
                       "06000b00 02000000 08000300 00000000 08000400 00000000 08000500 00000000 "
                       "08000600 00000000"},
        EncodeCase{"DeleteRealServer",
                   {Op::Kind::kDeleteRealServer, kDns6, {}, {ip("fd00::1"), 8080}, 1},
                   "6c000000 21000100 00000000 00000000 07010000 30000180 " +
                       std::string(kDns6Key) +
                       " 28000280 14000100 fd000000 00000000 00000000 00000001 06000200 1f900000 "
                       "06000b00 0a000000"}),
    [](const auto& parameters) { return parameters.param.name; });

TEST(EncodeOpLimits, WithoutThePersistentFlagThereIsNoTimeout) {
  const auto with = [](std::uint32_t seconds) {
    return toHex(
        netlink::encodeOp(kFamily, {Op::Kind::kAddVirtualServer, kWeb, {"rr", 0, seconds}, {}, 1}));
  };
  EXPECT_EQ(with(600), with(0));
}

TEST(EncodeOpLimits, AnEndlessSchedulerNameIsCutToWhatTheKernelRefuses) {
  const auto message = netlink::encodeOp(
      kFamily, {Op::Kind::kAddVirtualServer, kWeb, {std::string(100000, 'x'), 0, 0}, {}, 1});
  EXPECT_LT(netlink::bytesOf(*message).size(), 200U);
}

TEST(EncodeDump, AsksForAllVirtualServersOrTheRealServersOfOne) {
  EXPECT_EQ(toHex(netlink::encodeVirtualServerDump(kFamily)),
            "14000000 21000103 00000000 00000000 04010000");
  EXPECT_EQ(toHex(netlink::encodeRealServerDump(kFamily, kWeb)),
            "44000000 21000103 00000000 00000000 08010000 30000180 " + std::string(kWebKey));
}

TEST(Timeouts, OnlyThoseThatAreWishedForAreSent) {
  using std::chrono::seconds;
  EXPECT_EQ(toHex(netlink::encodeTimeouts(kFamily, {seconds(7260), seconds(120), seconds(300)})),
            "2c000000 21000100 00000000 00000000 0c010000 08000400 5c1c0000 08000500 78000000 "
            "08000600 2c010000");
  EXPECT_EQ(toHex(netlink::encodeTimeouts(kFamily, {seconds(0), seconds(0), seconds(30)})),
            "1c000000 21000100 00000000 00000000 0c010000 08000600 1e000000");
}

TEST(Timeouts, AreAskedForAndReadFromTheAnswer) {
  using std::chrono::seconds;
  EXPECT_EQ(toHex(netlink::encodeTimeoutsRequest(kFamily)),
            "14000000 21000100 00000000 00000000 0d010000");
  const Bytes answer(
      "2c000000 21000000 01000000 02000000 0c010000 08000400 84030000 08000500 78000000 "
      "08000600 2c010000");
  EXPECT_EQ(netlink::decodeTimeouts(answer.received()),
            (ipvs::Timeouts{seconds(900), seconds(120), seconds(300)}));
  EXPECT_EQ(netlink::decodeTimeouts(answer.cutTo(36).received()),
            (ipvs::Timeouts{seconds(900), seconds(120), seconds(0)}))
      << "a kernel without UDP";
}

TEST(Family, IsAskedForByNameAndReadFromTheAnswer) {
  EXPECT_EQ(toHex(netlink::encodeFamilyRequest("IPVS")),
            "20000000 10000100 00000000 00000000 03010000 09000200 49505653 00000000");
  const Bytes answer(
      "28000000 10000000 01000000 02000000 01020000 09000200 49505653 00000000 06000100 21000000");
  EXPECT_EQ(netlink::decodeFamily(answer.received()), kFamily);
  EXPECT_EQ(netlink::decodeFamily(answer.cutTo(32).received()), std::nullopt);
}

// As GET_SERVICE answers: zero-padded address, IP_VS_SVC_F_HASHED, statistics in both forms.
const Bytes kWebEntry(
    "80000000 21000200 01000000 02000000 01010000 6c000180 "
    "06000100 02000000 06000200 06000000 14000300 c0000201 00000000 00000000 00000000 "
    "06000400 00500000 07000600 72720000 0c000700 02000000 ffffffff 08000800 00000000 "
    "08000900 ffffffff 0c000a80 08000100 05000000 0c000c80 08000100 05000000");

TEST(DecodeVirtualServer, ReadsAnEntryAsItWasWritten) {
  const auto server = decodeVirtualServer(kWebEntry.received());
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(*server, (VirtualServer{kWeb, {"rr", 0, 0}, {}}));
}

TEST(DecodeVirtualServer, ReadsIpv6WithPersistence) {
  const Bytes entry(
      "68000000 21000200 01000000 02000000 01010000 54000180 "
      "06000100 0a000000 06000200 11000000 14000300 20010db8 00000000 00000000 00000001 "
      "06000400 00350000 07000600 6d680000 0c000700 1b000000 ffffffff 08000800 302a0000 "
      "08000900 80000000");
  const auto server = decodeVirtualServer(entry.received());
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(*server, (VirtualServer{kDns6, {"mh", 0x19, 10800}, {}}));
}

TEST(DecodeVirtualServer, ForgetsATimeoutWithoutTheFlag) {
  const Bytes entry(
      "68000000 21000200 01000000 02000000 01010000 54000180 "
      "06000100 02000000 06000200 06000000 14000300 c0000201 00000000 00000000 00000000 "
      "06000400 00500000 07000600 72720000 0c000700 02000000 ffffffff 08000800 302a0000 "
      "08000900 ffffffff");
  EXPECT_EQ((*decodeVirtualServer(entry.received()))->options.persistenceSeconds, 0U);
}

TEST(DecodeVirtualServer, LeavesOutFirewallMarksAndForeignProtocols) {
  const Bytes byMark(
      "44000000 21000200 01000000 02000000 01010000 30000180 06000100 02000000 08000500 07000000 "
      "07000600 72720000 0c000700 02000000 ffffffff 08000800 00000000");
  const Bytes esp(
      "68000000 21000200 01000000 02000000 01010000 54000180 "
      "06000100 02000000 06000200 32000000 14000300 c0000201 00000000 00000000 00000000 "
      "06000400 00500000 07000600 72720000 0c000700 02000000 ffffffff 08000800 00000000 "
      "08000900 ffffffff");
  for (const auto* entry : {&byMark, &esp}) {
    const auto server = decodeVirtualServer(entry->received());
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_FALSE(*server);
  }
}

TEST(DecodeVirtualServer, RefusesWhatIsCutOff) {
  // Up to the timeout every attribute is needed.
  for (std::size_t size = 16; size < 92; ++size) {
    const Bytes cut = kWebEntry.cutTo(size);
    const auto server = decodeVirtualServer(cut.received());
    ASSERT_FALSE(server) << size;
    EXPECT_EQ(server.error().code, ErrorCode::kInvalid);
  }
}

// As GET_DEST answers: connection counts and statistics behind.
const Bytes kRealServerEntry(
    "74000000 21000200 01000000 02000000 05010000 60000280 "
    "14000100 0a000001 00000000 00000000 00000000 06000200 1f900000 08000300 00000000 "
    "08000400 03000000 08000500 00000000 08000600 00000000 08000700 05000000 08000800 07000000 "
    "08000900 00000000 06000b00 02000000");

TEST(DecodeRealServer, ReadsWeightAndConnections) {
  const auto server = decodeRealServer(kRealServerEntry.received(), Family::kIpv4);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(server->key, (ipvs::RealServerKey{ip("10.0.0.1"), 8080}));
  EXPECT_EQ(server->weight, 3U);
  EXPECT_EQ(server->activeConnections, 5U);
  EXPECT_EQ(server->inactiveConnections, 7U);
  EXPECT_FALSE(server->foreignMethod);
}

TEST(DecodeRealServer, FlagsOtherForwardingMethods) {
  for (const char* method : {"01000000", "02000000", "03000000", "04000000"}) {
    const Bytes entry(
        "4c000000 21000200 01000000 02000000 05010000 38000280 "
        "14000100 0a000001 00000000 00000000 00000000 06000200 1f900000 06000b00 02000000 "
        "08000300 " +
        std::string(method) + " 08000400 03000000");
    EXPECT_TRUE(decodeRealServer(entry.received(), Family::kIpv4)->foreignMethod) << method;
  }
}

TEST(DecodeRealServer, TakesTheFamilyOfTheVirtualServerIfItNamesNone) {
  const Bytes entry(
      "44000000 21000200 01000000 02000000 05010000 30000280 "
      "14000100 fd000000 00000000 00000000 00000001 06000200 1f900000 08000300 00000000 "
      "08000400 01000000");
  EXPECT_EQ(decodeRealServer(entry.received(), Family::kIpv6)->key.address, ip("fd00::1"));
}

TEST(DecodeRealServer, RefusesWhatIsCutOff) {
  for (std::size_t size = 16; size < 68; ++size) {
    const Bytes cut = kRealServerEntry.cutTo(size);
    EXPECT_FALSE(decodeRealServer(cut.received(), Family::kIpv4)) << size;
  }
}

// Connections 3, packets 5 in and 7 out, bytes in beyond 32 bits, bytes out 11.
constexpr const char* kStats64 =
    "40000c80 0c000100 03000000 00000000 0c000200 05000000 00000000 0c000300 07000000 00000000 "
    "0c000400 09000000 01000000 0c000500 0b000000 00000000";
constexpr ipvs::TrafficCounters kCounters{3, 5, 7, 0x100000009, 11};

TEST(DecodeTraffic, ReadsTheCountersOfAVirtualServer) {
  const Bytes entry("a8000000 21000200 01000000 02000000 01010000 94000180 " +
                    std::string(kWebKey) +
                    " 07000600 72720000 0c000700 02000000 ffffffff 08000800 00000000 "
                    "08000900 ffffffff " +
                    kStats64);
  const auto traffic = netlink::decodeVirtualServerTraffic(entry.received());
  ASSERT_TRUE(traffic) << traffic.error().message;
  EXPECT_EQ(*traffic, (ipvs::VirtualServerTraffic{kWeb, kCounters}));
  for (std::size_t size = 24; size < entry.size(); ++size) {
    const Bytes cut = entry.cutTo(size);
    EXPECT_FALSE(netlink::decodeVirtualServerTraffic(cut.received())) << size;
  }
}

TEST(DecodeTraffic, LeavesOutWhatThePlanLeavesOut) {
  const Bytes byMark(
      "44000000 21000200 01000000 02000000 01010000 30000180 06000100 02000000 08000500 07000000 "
      "07000600 72720000 0c000700 02000000 ffffffff 08000800 00000000");
  const auto traffic = netlink::decodeVirtualServerTraffic(byMark.received());
  ASSERT_TRUE(traffic) << traffic.error().message;
  EXPECT_FALSE(*traffic);
}

TEST(DecodeTraffic, ReadsTheCountersAndConnectionsOfARealServer) {
  const Bytes entry(
      "b4000000 21000200 01000000 02000000 05010000 a0000280 "
      "14000100 0a000001 00000000 00000000 00000000 06000200 1f900000 08000300 00000000 "
      "08000400 03000000 08000500 00000000 08000600 00000000 08000700 05000000 08000800 07000000 "
      "08000900 00000000 06000b00 02000000 " +
      std::string(kStats64));
  const auto traffic = netlink::decodeRealServerTraffic(entry.received(), Family::kIpv4);
  ASSERT_TRUE(traffic) << traffic.error().message;
  EXPECT_EQ(*traffic, (ipvs::RealServerTraffic{{ip("10.0.0.1"), 8080}, kCounters, 5, 7}));
  for (std::size_t size = 24; size < entry.size(); ++size) {
    const Bytes cut = entry.cutTo(size);
    EXPECT_FALSE(netlink::decodeRealServerTraffic(cut.received(), Family::kIpv4)) << size;
  }
}

}  // namespace
}  // namespace barevip::netlink_test
