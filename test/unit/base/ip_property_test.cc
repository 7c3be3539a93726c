// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "barevip/base/ip.h"

namespace barevip {
namespace {

Uint128 anyNumber(Family family) {
  if (family == Family::kIpv4) return *rc::gen::arbitrary<std::uint32_t>();
  const Uint128 high = *rc::gen::arbitrary<std::uint64_t>();
  return high << 64U | *rc::gen::arbitrary<std::uint64_t>();
}

IpAddress anyAddress() {
  const Family family = *rc::gen::element(Family::kIpv4, Family::kIpv6);
  const IpAddress address = IpAddress::fromNumber(family, anyNumber(family));
  RC_PRE(family == Family::kIpv4 || (address.number() >> 32U) != 0xffffU);
  return address;
}

TEST(IpAddressProperty, TextAndBytesAreLossless) {
  EXPECT_TRUE(rc::check("text and bytes round trip", [] {
    const IpAddress address = anyAddress();
    RC_ASSERT(*IpAddress::parse(address.toString()) == address);
    const auto bytes = address.bytes();
    RC_ASSERT(*IpAddress::fromBytes(std::span(bytes).first(address.size())) == address);
  }));
}

TEST(IpPrefixProperty, ContainsExactlyTheAddressesThatShareItsBits) {
  EXPECT_TRUE(rc::check("prefix range", [] {
    const IpAddress address = anyAddress();
    const auto length = static_cast<std::uint8_t>(*rc::gen::inRange(0, address.bits() + 1));
    const unsigned host = address.bits() - length;
    const Uint128 network = host == 128 ? 0 : (address.number() >> host) << host;
    const IpRange range =
        IpPrefix{IpAddress::fromNumber(address.family(), network), length}.range();
    RC_ASSERT(range.contains(address));
    RC_ASSERT(range.first.number() == network);
    const Uint128 most = host == 128 ? ~Uint128{0} : (Uint128{1} << host) - 1;
    RC_ASSERT((range.sizeMinusOne() == most));
  }));
}

}  // namespace
}  // namespace barevip
