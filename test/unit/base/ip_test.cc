// SPDX-License-Identifier: Apache-2.0
#include "barevip/base/ip.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace barevip {
namespace {

TEST(IpAddress, PrintsTheCanonicalForm) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"2001:DB8:0:0::1", "2001:db8::1"},
      {"::", "::"},
      {"fe80::1", "fe80::1"},
  };
  for (const auto& [text, canonical] : cases) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->toString(), canonical);
  }
}

TEST(IpAddress, RefusesWhatIsNotStrictlyAnAddress) {
  for (const std::string text :
       {"", " ", "192.0.2", "192.0.2.01", "192.0.2.256", "192.0.2.1 ", "192.0.2.1/32",
        "fe80::1%eth0", "2001:db8", ":::", "localhost", "1", "::ffff:192.0.2.1"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0", 10)));
  EXPECT_FALSE(IpAddress::parse(std::string(100000, '1')));
}

TEST(IpAddress, SaysHowToWriteAnIpv4MappedAddress) {
  EXPECT_NE(IpAddress::parse("::ffff:192.0.2.1").error().message.find("write it as 192.0.2.1"),
            std::string::npos);
}

TEST(IpAddress, OrdersNumericallyWithinAFamily) {
  EXPECT_LT(*IpAddress::parse("9.255.255.255"), *IpAddress::parse("10.0.0.0"));
  EXPECT_LT(*IpAddress::parse("255.255.255.255"), *IpAddress::parse("::"));
  EXPECT_LT(*IpAddress::parse("::ff"), *IpAddress::parse("::1:0"));
}

TEST(IpAddress, KnowsSpecialAddresses) {
  EXPECT_TRUE(IpAddress::parse("127.0.0.1")->isLoopback());
  EXPECT_TRUE(IpAddress::parse("::1")->isLoopback());
  EXPECT_TRUE(IpAddress::parse("224.0.0.1")->isMulticast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->isMulticast());
  EXPECT_TRUE(IpAddress::parse("169.254.1.1")->isLinkLocal());
  EXPECT_TRUE(IpAddress::parse("fe80::1")->isLinkLocal());
  EXPECT_TRUE(IpAddress::parse("febf::1")->isLinkLocal());
  EXPECT_FALSE(IpAddress::parse("fec0::1")->isLinkLocal());
}

TEST(IpRange, ReadsSingleAddressesRangesAndPrefixes) {
  struct Case {
    std::string text, first, last;
  };
  for (const Case& c :
       std::vector<Case>{{"192.0.2.7", "192.0.2.7", "192.0.2.7"},
                         {"192.0.2.0-192.0.2.5", "192.0.2.0", "192.0.2.5"},
                         {" 192.0.2.0 - 192.0.2.5 ", "192.0.2.0", "192.0.2.5"},
                         {"\t192.0.2.0\r\n-\v192.0.2.5\f", "192.0.2.0", "192.0.2.5"},
                         {"192.0.2.0/30\n", "192.0.2.0", "192.0.2.3"},
                         {"192.0.2.0/30", "192.0.2.0", "192.0.2.3"},
                         {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
                         {"2001:db8::/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"},
                         {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                         {"2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9"}}) {
    const auto range = IpRange::parse(c.text);
    ASSERT_TRUE(range) << c.text << ": " << range.error().message;
    EXPECT_EQ(range->first.toString(), c.first);
    EXPECT_EQ(range->last.toString(), c.last);
  }
}

TEST(IpRange, RefusalsSayWhatIsWrongAndHowToMendIt) {
  struct Case {
    std::string text, says;
  };
  for (const Case& c : std::vector<Case>{
           {"192.0.2.5-192.0.2.1", "write 192.0.2.1-192.0.2.5"},
           {"192.0.2.1-2001:db8::1", "mixes IPv4 and IPv6"},
           {"::/80", "ends with IPv4 addresses in IPv6 form"},
           {"192.0.2.1/24", "write 192.0.2.0/24 for the network or 192.0.2.1 for the one address"},
           {"192.0.2.0/33", "write /0 to /32"},
           {"2001:db8::/129", "write /0 to /128"},
           {"192.0.2.0/", "no valid prefix length"},
           {"192.0.2.0/024", "no valid prefix length"},
           {"192.0.2.1-", "is not an IP address"},
           {"192.0.2.1-3", "\"3\" is not an IP address"},
           {"", "is not an IP address"},
           {"banana", "\"banana\" is not an IP address"}}) {
    const auto range = IpRange::parse(c.text);
    ASSERT_FALSE(range) << c.text;
    EXPECT_NE(range.error().message.find(c.says), std::string::npos) << range.error().message;
  }
}

TEST(IpPrefix, ParseNetworkDropsHostBits) {
  struct Case {
    std::string text, network;
  };
  for (const Case& c : std::vector<Case>{{"192.0.2.9/24", "192.0.2.0/24"},
                                         {"192.0.2.0/24", "192.0.2.0/24"},
                                         {"192.0.2.9", "192.0.2.9/32"},
                                         {"2001:db8::9/64", "2001:db8::/64"},
                                         {"192.0.2.9/0", "0.0.0.0/0"}}) {
    const auto prefix = IpPrefix::parseNetwork(c.text);
    ASSERT_TRUE(prefix) << c.text;
    EXPECT_EQ(prefix->toString(), c.network);
  }
  EXPECT_FALSE(IpPrefix::parseNetwork("192.0.2.9/33"));
  EXPECT_FALSE(IpPrefix::parseNetwork("router/24"));
}

TEST(Uint128, PrintsCountsBeyond64Bits) {
  EXPECT_EQ(toString(Uint128{0}), "0");
  EXPECT_EQ(toString(Uint128{1} << 64U), "18446744073709551616");
  EXPECT_EQ(toString(~Uint128{0}), "340282366920938463463374607431768211455");
}

}  // namespace
}  // namespace barevip
