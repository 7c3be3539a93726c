// SPDX-License-Identifier: Apache-2.0
#include "common/base/dns_name.h"

#include <gtest/gtest.h>

namespace barevip {
namespace {

TEST(DnsName, OfAnObjectIsAnRfc1123Subdomain) {
  for (const std::string name : {"lan", "l", "7", "lan-1", "a.b-c.d", "a--b"}) {
    EXPECT_TRUE(isDnsSubdomain(name)) << name;
  }
  EXPECT_TRUE(isDnsSubdomain(std::string(253, 'a')));
  for (const std::string name :
       {"", "Lan", "my_pool", "-lan", "lan-", ".lan", "lan.", "a..b", "a.-b", "a-.b", "lan 1"}) {
    EXPECT_FALSE(isDnsSubdomain(name)) << name;
  }
  EXPECT_FALSE(isDnsSubdomain(std::string(254, 'a')));
}

TEST(DnsName, OfANamespaceIsAnRfc1123Label) {
  for (const std::string name : {"shop", "7", "shop-1"}) EXPECT_TRUE(isDnsLabel(name)) << name;
  EXPECT_TRUE(isDnsLabel(std::string(63, 'a')));
  for (const std::string name : {"", "Shop", "a.b", "-a", "a-"}) {
    EXPECT_FALSE(isDnsLabel(name)) << name;
  }
  EXPECT_FALSE(isDnsLabel(std::string(64, 'a')));
}

}  // namespace
}  // namespace barevip
