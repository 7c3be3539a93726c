// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/l2/arp_frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "bytes.h"

namespace barevip::host {
namespace {

constexpr MacAddress kMac{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e},
                          std::byte{0x10}, std::byte{0x00}, std::byte{0xa1}};
constexpr MacAddress kOtherMac{std::byte{0x02}, std::byte{0}, std::byte{0},
                               std::byte{0},    std::byte{0}, std::byte{0x02}};
const IpAddress kVip = *IpAddress::parse("192.0.2.200");
const IpAddress kNode = *IpAddress::parse("192.0.2.11");

struct Golden {
  std::string what;
  ArpPacket packet;
  std::string bytes;
};

class ArpGolden : public ::testing::TestWithParam<Golden> {};

TEST_P(ArpGolden, IsWhatGoesOverTheWire) {
  const Golden& golden = GetParam();
  EXPECT_EQ(asVector(encode(golden.packet)), fromHex(golden.bytes));
  EXPECT_EQ(decodeArp(fromHex(golden.bytes)), golden.packet);
}

INSTANTIATE_TEST_SUITE_P(
    Packets, ArpGolden,
    ::testing::Values(Golden{"AnnouncementAsRequest",
                             gratuitousArp(ArpPacket::Operation::kRequest, kMac, kVip),
                             "00 01 08 00 06 04 00 01 02 00 5e 10 00 a1 c0 00 02 c8 "
                             "00 00 00 00 00 00 c0 00 02 c8"},
                      Golden{"AnnouncementAsReply",
                             gratuitousArp(ArpPacket::Operation::kReply, kMac, kVip),
                             "00 01 08 00 06 04 00 02 02 00 5e 10 00 a1 c0 00 02 c8 "
                             "ff ff ff ff ff ff c0 00 02 c8"},
                      Golden{"Probe", arpQuestion(kMac, IpAddress(), kVip),
                             "00 01 08 00 06 04 00 01 02 00 5e 10 00 a1 00 00 00 00 "
                             "00 00 00 00 00 00 c0 00 02 c8"},
                      Golden{"Question", arpQuestion(kMac, kNode, kVip),
                             "00 01 08 00 06 04 00 01 02 00 5e 10 00 a1 c0 00 02 0b "
                             "00 00 00 00 00 00 c0 00 02 c8"}),
    [](const auto& golden) { return golden.param.what; });

TEST(ArpFrame, PaddingBehindThePacketIsFine) {
  auto bytes = asVector(encode(arpQuestion(kMac, kNode, kVip)));
  bytes.resize(46);
  EXPECT_EQ(decodeArp(bytes), arpQuestion(kMac, kNode, kVip));
}

TEST(ArpFrame, WhatIsNoArpForIpv4OverEthernetIsNothing) {
  const auto good = asVector(encode(arpQuestion(kMac, kNode, kVip)));
  for (const std::size_t length : {0, 1, 7, 27}) {
    EXPECT_FALSE(decodeArp(std::span(good).first(length))) << length;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    auto bad = good;
    bad[i] = std::byte{0x7f};
    EXPECT_FALSE(decodeArp(bad)) << "byte " << i;
  }
}

RC_GTEST_PROP(ArpFrame, AnyBytesAreReadWithoutHarm, (const std::vector<unsigned char>& bytes)) {
  const auto packet = decodeArp(std::as_bytes(std::span(bytes)));
  RC_ASSERT(!packet || bytes.size() >= kArpSize);
}

TEST(ArpFrame, AnAnswerOrAnAnnouncementOfAnotherMachineIpObjectsTheAddress) {
  EXPECT_TRUE(ipObjects({ArpPacket::Operation::kReply, kOtherMac, kVip, kMac, kNode}, kVip, kMac));
  EXPECT_TRUE(
      ipObjects(gratuitousArp(ArpPacket::Operation::kRequest, kOtherMac, kVip), kVip, kMac));
}

TEST(ArpFrame, OurOwnPacketsQuestionsAndOtherAddressesIpObjectNothing) {
  EXPECT_FALSE(ipObjects(gratuitousArp(ArpPacket::Operation::kReply, kMac, kVip), kVip, kMac));
  EXPECT_FALSE(ipObjects(arpQuestion(kOtherMac, kNode, kVip), kVip, kMac));
  EXPECT_FALSE(ipObjects(arpQuestion(kOtherMac, IpAddress(), kVip), kVip, kMac));
}

TEST(ArpFrame, AMacAddressIsWrittenAsPeopleKnowIt) {
  EXPECT_EQ(toString(kMac), "02:00:5e:10:00:a1");
}

}  // namespace
}  // namespace barevip::host
