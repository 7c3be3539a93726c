// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/netlink/hex.h"

namespace barevip::netlink_test {
namespace {

using netlink::Attributes;
using netlink::forEachMessage;
using netlink::Received;

constexpr const char* kTen = "14000000 0a000000 01000000 02000000 aabbccdd";
constexpr const char* kEmpty = "10000000 0b000000 01000000 02000000";

std::vector<unsigned> typesIn(const std::vector<std::byte>& datagram, bool& whole) {
  std::vector<unsigned> types;
  whole = forEachMessage(
      datagram, [&](const Received& message) { types.push_back(message.header().nlmsg_type); });
  return types;
}

TEST(Received, KnowsItsHeaderAndPayload) {
  const auto bytes = fromHex(kTen);
  const auto message = Received::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header().nlmsg_type, 10);
  EXPECT_EQ(message->header().nlmsg_seq, 1U);
  EXPECT_EQ(message->header().nlmsg_pid, 2U);
  EXPECT_EQ(toHex(message->payload()), "aabbccdd");
}

TEST(Received, RefusesWhatIsShorterThanItSays) {
  const auto bytes = fromHex(kTen);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Received::parse(std::span(bytes).first(size))) << size;
  }
}

TEST(Received, RefusesALengthBelowItsHeader) {
  EXPECT_FALSE(Received::parse(fromHex("0f000000 0a000000 01000000 02000000")));
}

TEST(Received, HasNoFamilyHeaderBeyondItsEnd) {
  const auto bytes = fromHex(kTen);
  const auto message = Received::parse(bytes);
  EXPECT_TRUE(message->familyHeader<std::uint32_t>());
  EXPECT_FALSE(message->familyHeader<std::uint64_t>());
  EXPECT_TRUE(message->attributes(16).empty());
}

TEST(Datagram, HoldsManyMessages) {
  bool whole = false;
  EXPECT_EQ(typesIn(fromHex(std::string(kTen) + kEmpty + kTen), whole),
            (std::vector<unsigned>{10, 11, 10}));
  EXPECT_TRUE(whole);
}

TEST(Datagram, PadsMessagesToFourBytes) {
  bool whole = false;
  EXPECT_EQ(
      typesIn(fromHex(std::string("11000000 0a000000 01000000 02000000 aa000000") + kEmpty), whole),
      (std::vector<unsigned>{10, 11}));
  EXPECT_TRUE(whole);
}

TEST(Datagram, ThatIsCutOffSaysSo) {
  bool whole = true;
  EXPECT_EQ(typesIn(fromHex(std::string(kTen) + "14000000 0a00"), whole),
            std::vector<unsigned>{10});
  EXPECT_FALSE(whole);
}

TEST(Attributes, AreFoundByNumber) {
  const auto bytes = fromHex("08000100 2a000000 06000200 07000000 09000300 65746830 00000000");
  const Attributes attributes(bytes);
  EXPECT_EQ(attributes.get<std::uint32_t>(1), 42U);
  EXPECT_EQ(attributes.get<std::uint16_t>(2), 7U);
  EXPECT_EQ(attributes.string(3), "eth0");
  EXPECT_FALSE(attributes.has(4));
  EXPECT_FALSE(attributes.get<std::uint32_t>(4));
  EXPECT_EQ(attributes.string(4), "");
}

TEST(Attributes, ThatAreTooShortHaveNoValue) {
  const auto bytes = fromHex("06000100 2a000000");
  EXPECT_FALSE(Attributes(bytes).get<std::uint32_t>(1));
}

TEST(Attributes, NestAndCarryTheFlagForIt) {
  const auto bytes = fromHex("0c000180 08000200 2a000000");
  EXPECT_EQ(Attributes(bytes).nested(1).get<std::uint32_t>(2), 42U);
}

TEST(Attributes, WithoutATerminatorEndWithTheirBytes) {
  const auto bytes = fromHex("08000300 65746830");
  EXPECT_EQ(Attributes(bytes).string(3), "eth0");
}

TEST(Attributes, OfLaterKernelsAreIgnored) {
  const auto bytes = fromHex("0800ff3f 2a000000 08000100 2b000000");
  EXPECT_EQ(Attributes(bytes).get<std::uint32_t>(1), 43U);
}

TEST(Attributes, ThatReachBeyondTheEndAreNone) {
  for (const char* text : {"ff000100 2a000000", "03000100 2a000000", "080001", ""}) {
    const auto bytes = fromHex(std::string(text).size() % 2 == 0 ? text : "0800");
    EXPECT_FALSE(Attributes(bytes).has(1)) << text;
  }
}

}  // namespace
}  // namespace barevip::netlink_test
