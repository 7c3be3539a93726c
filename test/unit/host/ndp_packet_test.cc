// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/l2/ndp_packet.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "bytes.h"

namespace barevip::host {
namespace {

constexpr MacAddress kMac{std::byte{0x02}, std::byte{0x00}, std::byte{0x5e},
                          std::byte{0x10}, std::byte{0x00}, std::byte{0xa1}};
const IpAddress kVip = *IpAddress::parse("2001:db8::12:3456");
const std::string kTarget = "20 01 0d b8 00 00 00 00 00 00 00 00 00 12 34 56 ";

TEST(NdpPacket, AnUnsolicitedAdvertisementOverridesAndNamesTheHardwareAddress) {
  EXPECT_EQ(asVector(unsolicitedAdvertisement(kVip, kMac)),
            fromHex("88 00 00 00 20 00 00 00 " + kTarget + "02 01 02 00 5e 10 00 a1"));
}

TEST(NdpPacket, ASolicitationCarriesTheAskersHardwareAddress) {
  EXPECT_EQ(asVector(solicitation(kVip, kMac)),
            fromHex("87 00 00 00 00 00 00 00 " + kTarget + "01 01 02 00 5e 10 00 a1"));
}

TEST(NdpPacket, TheSolicitedNodeGroupHasTheLastThreeBytes) {
  EXPECT_EQ(solicitedNodeMulticast(kVip).toString(), "ff02::1:ff12:3456");
}

struct Case {
  std::string what;
  std::string bytes;
  std::optional<NeighbourAdvertisement> expected;
};

class NdpDecode : public ::testing::TestWithParam<Case> {};

TEST_P(NdpDecode, ReadsAdvertisementsAndNothingElse) {
  EXPECT_EQ(decodeAdvertisement(fromHex(GetParam().bytes)), GetParam().expected);
}

const std::string kHead = "88 00 12 34 60 00 00 00 ";
const std::string kMacOption = "02 01 02 00 5e 10 00 a1 ";

INSTANTIATE_TEST_SUITE_P(
    Messages, NdpDecode,
    ::testing::Values(
        Case{"Answer", kHead + kTarget + kMacOption,
             NeighbourAdvertisement{kVip, true, true, kMac}},
        Case{"OfAProxy", "88 00 12 34 40 00 00 00 " + kTarget + kMacOption,
             NeighbourAdvertisement{kVip, true, false, kMac}},
        Case{"WithoutOption", kHead + kTarget,
             NeighbourAdvertisement{kVip, true, true, std::nullopt}},
        Case{"WithAnotherOptionBefore", kHead + kTarget + "0e 01 01 02 03 04 05 06 " + kMacOption,
             NeighbourAdvertisement{kVip, true, true, kMac}},
        Case{"Empty", "", std::nullopt}, Case{"Cut", kHead + "20 01 0d b8", std::nullopt},
        Case{"Solicitation", "87 00 00 00 00 00 00 00 " + kTarget, std::nullopt},
        Case{"CodeNotZero", "88 01 00 00 60 00 00 00 " + kTarget, std::nullopt},
        Case{"MulticastTarget", kHead + "ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01 ",
             std::nullopt},
        Case{"OptionOfLengthZero", kHead + kTarget + "02 00 02 00 5e 10 00 a1 ", std::nullopt},
        Case{"OptionBeyondTheEnd", kHead + kTarget + "02 02 02 00 5e 10 00 a1 ", std::nullopt},
        Case{"HalfAnOption", kHead + kTarget + "02 ", std::nullopt}),
    [](const auto& one) { return one.param.what; });

RC_GTEST_PROP(NdpPacket, AnyBytesAreReadWithoutHarm, (std::vector<unsigned char> bytes)) {
  if (bytes.size() > 1) bytes[0] = 136;
  if (bytes.size() > 1) bytes[1] = 0;
  const auto advertisement = decodeAdvertisement(std::as_bytes(std::span(bytes)));
  RC_ASSERT(!advertisement || bytes.size() >= 24);
}

}  // namespace
}  // namespace barevip::host
