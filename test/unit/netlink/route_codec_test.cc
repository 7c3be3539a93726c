// SPDX-License-Identifier: Apache-2.0
// The bytes are those that a Linux 6.1 took and sent (test/kernel); sequence number and port are 0.
#include "ipvsnode/netlink/route_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fakes/printers.h"
#include "unit/netlink/hex.h"

namespace barevip::netlink_test {
namespace {

using net::BoundAddress;
using net::ProxyNeighbour;
using net::Route;
using net::Rule;
using netlink::DeviceNames;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

const BoundAddress kAddress{ip("192.0.2.1"), "eth0"};
const BoundAddress kAddress6{ip("2001:db8::1"), "eth0"};
const Route kRoute{{ip("192.0.2.1"), 32}, 11801, ip("169.254.77.2"), "bvip-out"};
const Route kDefault6{{ip("::"), 0}, 11802, ip("fd77:6276:6970::2"), "bvip-out"};
const ProxyNeighbour kNeighbour{ip("192.0.2.1"), "eth0"};
const ProxyNeighbour kNeighbour6{ip("2001:db8::1"), "eth0"};
const Rule kOutsideRule{Family::kIpv4, 119, 11801, "eth0", 0, 0};
const Rule kKnownRule{Family::kIpv4, 116, 254, "", 0x1100, 0x1f00, true};
const Rule kReturnRule{Family::kIpv6, 118, 11802, "", 0x100000, 0x100000};

DeviceNames devices() {
  DeviceNames names;
  names.add(2, "eth0");
  names.add(5, "bvip-out");
  return names;
}

TEST(EncodeAddress, MarksIpv4ByProtocolAndLabel) {
  EXPECT_EQ(toHex(netlink::encodeAddressAdd(kAddress, 2)),
            "40000000 14000106 00000000 00000000 022000fe 02000000 08000200 c0000201 "
            "08000100 c0000201 05000b00 76000000 0e000300 65746830 3a627669 70000000");
}

TEST(EncodeAddress, MakesIpv6UsableAtOnceButNoSource) {
  // IFA_FLAGS: NODAD and NOPREFIXROUTE; IFA_CACHEINFO: preferred 0, valid for ever.
  EXPECT_EQ(toHex(netlink::encodeAddressAdd(kAddress6, 2)),
            "64000000 14000106 00000000 00000000 0a800000 02000000 "
            "14000200 20010db8 00000000 00000000 00000001 "
            "14000100 20010db8 00000000 00000000 00000001 05000b00 76000000 08000800 02020000 "
            "14000600 00000000 ffffffff 00000000 00000000");
}

TEST(EncodeAddress, DeletesByLabelOnlyWhereAsked) {
  const std::string whole = "022000fe 02000000 08000200 c0000201 08000100 c0000201";
  EXPECT_EQ(toHex(netlink::encodeAddressDelete(kAddress, 2, false)),
            "28000000 15000100 00000000 00000000 " + whole);
  EXPECT_EQ(
      toHex(netlink::encodeAddressDelete(kAddress, 2, true)),
      "38000000 15000100 00000000 00000000 " + whole + " 0e000300 65746830 3a627669 70000000");
}

TEST(AddressLabel, FitsIntoTheKernelsFifteenCharacters) {
  EXPECT_EQ(netlink::addressLabel("eth0"), "eth0:bvip");
  EXPECT_EQ(netlink::addressLabel("enp0s31f6a"), "enp0s31f6a:bvip");
  EXPECT_EQ(netlink::addressLabel("enx0123456789ab"), "enx0123456:bvip");
}

TEST(EncodeRoute, GivesTheKernelsBytes) {
  EXPECT_EQ(toHex(netlink::encodeRouteAdd(kRoute, 5, false)),
            "3c000000 18000106 00000000 00000000 02200000 00760001 04000000 08000100 c0000201 "
            "08000500 a9fe4d02 08000400 05000000 08000f00 192e0000");
  EXPECT_EQ(toHex(netlink::encodeRouteAdd(kDefault6, 5, true)),
            "40000000 18000105 00000000 00000000 0a000000 00760001 04000000 "
            "14000500 fd776276 69700000 00000000 00000002 08000400 05000000 08000f00 1a2e0000");
  EXPECT_EQ(toHex(netlink::encodeRouteDelete(kRoute, 5)),
            "3c000000 19000100 00000000 00000000 02200000 0076ff01 00000000 08000100 c0000201 "
            "08000500 a9fe4d02 08000400 05000000 08000f00 192e0000");
}

TEST(EncodeNeighbour, GivesTheKernelsBytes) {
  EXPECT_EQ(toHex(netlink::encodeNeighbour(kNeighbour, 2, true)),
            "2c000000 1c000106 00000000 00000000 02000000 02000000 80000800 08000100 c0000201 "
            "05000c00 76000000");
  EXPECT_EQ(toHex(netlink::encodeNeighbour(kNeighbour6, 2, false)),
            "30000000 1d000100 00000000 00000000 0a000000 02000000 80000800 "
            "14000100 20010db8 00000000 00000000 00000001");
}

TEST(EncodeRule, GivesTheKernelsBytes) {
  EXPECT_EQ(toHex(netlink::encodeRule(kOutsideRule, true)),
            "40000000 20000106 00000000 00000000 02000000 00000001 00000000 08000600 77000000 "
            "08000f00 192e0000 05001500 76000000 09000300 65746830 00000000");
  EXPECT_EQ(toHex(netlink::encodeRule(kReturnRule, false)),
            "44000000 21000100 00000000 00000000 0a000000 00000001 00000000 08000600 76000000 "
            "08000f00 1a2e0000 05001500 76000000 08000a00 00001000 08001000 00001000");
  EXPECT_THAT(toHex(netlink::encodeRule(kKnownRule, true)),
              testing::HasSubstr("08000e00 00000000"));
}

TEST(EncodeDump, IsNarrowedByTheKernel) {
  // RTEXT_FILTER_SKIP_STATS, rtm_protocol 118, NTF_PROXY.
  EXPECT_EQ(toHex(netlink::encodeDeviceDump()),
            "28000000 12000103 00000000 00000000 00000000 00000000 00000000 00000000 "
            "08001d00 08000000");
  EXPECT_EQ(toHex(netlink::encodeMarkedRouteDump(Family::kIpv6)),
            "1c000000 1a000103 00000000 00000000 0a000000 00760000 00000000");
  EXPECT_EQ(toHex(netlink::encodeProxyNeighbourDump()),
            "1c000000 1e000103 00000000 00000000 00000000 00000000 00000800");
  EXPECT_EQ(toHex(netlink::encodeAddressDump()),
            "18000000 16000103 00000000 00000000 00000000 00000000");
  EXPECT_EQ(toHex(netlink::encodeRuleDump()),
            "1c000000 22000103 00000000 00000000 00000000 00000000 00000000");
}

TEST(EncodeDeviceRequest, CutsEndlessNamesToWhatTheKernelRefuses) {
  EXPECT_EQ(toHex(netlink::encodeDeviceRequest("eth0")),
            "2c000000 12000100 00000000 00000000 00000000 00000000 00000000 00000000 "
            "09000300 65746830 00000000");
  const auto message = netlink::encodeDeviceRequest(std::string(100000, 'x'));
  EXPECT_LT(netlink::bytesOf(*message).size(), 100U);
}

const Bytes kAddressEntry(
    "40000000 14000200 01000000 02000000 022080fe 02000000 08000200 c0000201 08000100 c0000201 "
    "05000b00 76000000 0e000300 65746830 3a627669 70000000");

TEST(DecodeAddress, ReadsOurMark) {
  const auto entry = netlink::decodeAddressEntry(kAddressEntry.received(), devices());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->address, kAddress);
  EXPECT_EQ(entry->protocol, net::kProtocolMark);
  EXPECT_TRUE(entry->isHostAddress());
  EXPECT_TRUE(entry->marked());
  EXPECT_FALSE(entry->deprecated);
}

TEST(DecodeAddress, KnowsOursByItsLabelAlone) {
  const Bytes bytes(
      "38000000 14000200 01000000 02000000 022080fe 02000000 08000200 c0000201 08000100 c0000201 "
      "0e000300 65746830 3a627669 70000000");
  EXPECT_TRUE(netlink::decodeAddressEntry(bytes.received(), devices())->marked());
}

TEST(DecodeAddress, ReadsAForeignOne) {
  // 192.0.2.10/24 on eth0, label eth0, no protocol.
  const Bytes bytes(
      "34000000 14000200 01000000 02000000 02188000 02000000 08000200 c000020a 08000100 c000020a "
      "09000300 65746830 00000000");
  const auto entry = netlink::decodeAddressEntry(bytes.received(), devices());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->address.address, ip("192.0.2.10"));
  EXPECT_FALSE(entry->isHostAddress());
  EXPECT_FALSE(entry->marked());
}

TEST(DecodeAddress, ReadsIpv6WithItsWideFlags) {
  const Bytes bytes(
      "34000000 14000200 01000000 02000000 0a80a000 02000000 "
      "14000100 20010db8 00000000 00000000 00000001 08000800 a2020000");
  const auto entry = netlink::decodeAddressEntry(bytes.received(), devices());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->address, kAddress6);
  EXPECT_TRUE(entry->deprecated);
}

TEST(DecodeAddress, TakesTheLocalEndOfAPointToPointPair) {
  const Bytes bytes(
      "28000000 14000200 01000000 02000000 02208000 02000000 08000100 0a000002 08000200 0a000001");
  EXPECT_EQ(netlink::decodeAddressEntry(bytes.received(), devices())->address.address,
            ip("10.0.0.1"));
}

const Bytes kRouteEntry(
    "3c000000 18000200 01000000 02000000 02200000 fc760001 04000000 08000f00 192e0000 "
    "08000100 c0000201 08000500 a9fe4d02 08000400 05000000");

TEST(DecodeRoute, ReadsOurs) {
  const auto entry = netlink::decodeRouteEntry(kRouteEntry.received(), devices());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->route, kRoute);
  EXPECT_EQ(entry->protocol, net::kProtocolMark);
}

TEST(DecodeRoute, ReadsADefaultRoute) {
  const Bytes bytes(
      "40000000 18000200 01000000 02000000 0a000000 fc760001 00000000 08000f00 1a2e0000 "
      "14000500 fd776276 69700000 00000000 00000002 08000400 05000000");
  EXPECT_EQ(netlink::decodeRouteEntry(bytes.received(), devices())->route, kDefault6);
}

struct OtherCase {
  const char* name;
  std::string bytes;
};

class OtherRoutes : public ::testing::TestWithParam<OtherCase> {};

TEST_P(OtherRoutes, AreLeftOut) {
  const Bytes bytes(GetParam().bytes);
  EXPECT_FALSE(netlink::decodeRouteEntry(bytes.received(), devices()));
}

// The family header with one thing changed, then the attributes of kRouteEntry.
std::string routeBytes(const std::string& header) {
  return "3c000000 18000200 01000000 02000000 " + header +
         " 08000f00 192e0000 08000100 c0000201 08000500 a9fe4d02 08000400 05000000";
}

INSTANTIATE_TEST_SUITE_P(
    Netlink, OtherRoutes,
    ::testing::Values(
        OtherCase{"OtherFamily", routeBytes("1c200000 fc760001 00000000")},
        OtherCase{"BySource", routeBytes("02200800 fc760001 00000000")},
        OtherCase{"ByTypeOfService", routeBytes("02200010 fc760001 00000000")},
        OtherCase{"Blackhole", routeBytes("02200000 fc760006 00000000")},
        OtherCase{"Cloned", routeBytes("02200000 fc760001 00020000")},
        OtherCase{"LongerThanItsAddress", routeBytes("02210000 fc760001 00000000")},
        OtherCase{"WithoutGateway",
                  "34000000 18000200 01000000 02000000 02200000 fc760001 00000000 "
                  "08000f00 192e0000 08000100 c0000201 08000400 05000000"},
        OtherCase{"OnADeviceThatIsGone",
                  "3c000000 18000200 01000000 02000000 02200000 fc760001 00000000 "
                  "08000f00 192e0000 08000100 c0000201 08000500 a9fe4d02 08000400 09000000"},
        OtherCase{"Deleted",
                  "3c000000 19000200 01000000 02000000 02200000 fc760001 00000000 "
                  "08000f00 192e0000 08000100 c0000201 08000500 a9fe4d02 08000400 05000000"}),
    [](const auto& parameters) { return parameters.param.name; });

TEST(DecodeNeighbour, ReadsProxyEntriesOnly) {
  const Bytes proxy(
      "2c000000 1c000200 01000000 02000000 02000000 02000000 00000800 08000100 c0000201 "
      "05000c00 76000000");
  const auto entry = netlink::decodeNeighbourEntry(proxy.received(), devices());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->neighbour, kNeighbour);
  EXPECT_EQ(entry->protocol, net::kProtocolMark);
  const Bytes real(
      "24000000 1c000200 01000000 02000000 02000000 02000000 02000000 08000100 c0000201");
  EXPECT_FALSE(netlink::decodeNeighbourEntry(real.received(), devices()));
}

TEST(DecodeRule, ReadsOurs) {
  const Bytes outside(
      "48000000 20000200 01000000 02000000 02000000 fc000001 00000000 08000f00 192e0000 "
      "08000e00 ffffffff 05001500 76000000 08000600 77000000 09000300 65746830 00000000");
  const auto entry = netlink::decodeRuleEntry(outside.received());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->rule, kOutsideRule);
  EXPECT_EQ(entry->protocol, net::kProtocolMark);
  const Bytes back(
      "44000000 20000200 01000000 02000000 0a000000 fc000001 00000000 08000f00 1a2e0000 "
      "05001500 76000000 08000600 76000000 08000a00 00001000 08001000 00001000");
  EXPECT_EQ(netlink::decodeRuleEntry(back.received())->rule, kReturnRule);
  const Bytes known(
      "4c000000 20000200 01000000 02000000 02000000 fe000001 00000000 08000f00 fe000000 "
      "08000e00 00000000 05001500 76000000 08000600 74000000 08000a00 00110000 08001000 001f0000");
  EXPECT_EQ(netlink::decodeRuleEntry(known.received())->rule, kKnownRule);
}

TEST(DecodeRule, LeavesOutRulesThatSayMore) {
  const std::string header = "2c000000 20000200 01000000 02000000 02000000 ";
  for (const auto& rest : {
           header + "fc000001 02000000 08000f00 192e0000 08000600 77000000",  // inverted
           header + "00000006 00000000 08000f00 192e0000 08000600 77000000",  // blackhole
           header + "fc000001 00000000 08000f00 192e0000 08000200 0a000000",  // from a source
           header + "fc000001 00000000 08000f00 192e0000 08000e00 10000000",  // suppressing
       }) {
    const Bytes bytes(rest);
    EXPECT_FALSE(netlink::decodeRuleEntry(bytes.received())) << rest;
  }
}

const Bytes kDeviceEntry(
    "38000000 10000200 01000000 02000000 00000100 02000000 43100100 00000000 "
    "09000300 65746830 00000000 0a000100 02000000 00010000");

TEST(DecodeDevice, ReadsNameStateAndMac) {
  const auto device = netlink::decodeDevice(kDeviceEntry.received());
  ASSERT_TRUE(device);
  EXPECT_EQ(device->name, "eth0");
  EXPECT_EQ(device->index, 2U);
  EXPECT_TRUE(device->up);
  EXPECT_TRUE(device->running);
  EXPECT_EQ(toHex(device->mac), "02000000 0001");
}

TEST(Decoders, LeaveOutWhatIsCutOff) {
  // The sizes below which something that every entry needs is missing.
  for (std::size_t size = 16; size < 32; ++size) {
    EXPECT_FALSE(netlink::decodeAddressEntry(kAddressEntry.cutTo(size).received(), devices()));
  }
  for (std::size_t size = 16; size < kRouteEntry.size(); ++size) {
    EXPECT_FALSE(netlink::decodeRouteEntry(kRouteEntry.cutTo(size).received(), devices()));
  }
  for (std::size_t size = 16; size < 40; ++size) {
    EXPECT_FALSE(netlink::decodeDevice(kDeviceEntry.cutTo(size).received()));
  }
}

}  // namespace
}  // namespace barevip::netlink_test
