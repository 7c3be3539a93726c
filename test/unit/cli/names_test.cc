// SPDX-License-Identifier: Apache-2.0
#include "cli/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barevip::cli {
namespace {

TEST(PoolName, IsAnRfc1123Subdomain) {
  for (const std::string name : {"lan", "l", "7", "lan-1", "a.b-c.d", "a--b"}) {
    EXPECT_TRUE(isPoolName(name)) << name;
  }
  EXPECT_TRUE(isPoolName(std::string(253, 'a')));
  for (const std::string name :
       {"", "Lan", "my_pool", "-lan", "lan-", ".lan", "lan.", "a..b", "a.-b", "a-.b", "lan 1"}) {
    EXPECT_FALSE(isPoolName(name)) << name;
  }
  EXPECT_FALSE(isPoolName(std::string(254, 'a')));
}

TEST(NamespaceName, IsAnRfc1123Label) {
  for (const std::string name : {"shop", "7", "shop-1"}) EXPECT_TRUE(isNamespaceName(name)) << name;
  EXPECT_TRUE(isNamespaceName(std::string(63, 'a')));
  for (const std::string name : {"", "Shop", "a.b", "-a", "a-"}) {
    EXPECT_FALSE(isNamespaceName(name)) << name;
  }
  EXPECT_FALSE(isNamespaceName(std::string(64, 'a')));
}

TEST(WithoutRepeats, KeepsTheFirstOfEach) {
  EXPECT_THAT(withoutRepeats({"b", "a", "b"}), testing::ElementsAre("b", "a"));
}

}  // namespace
}  // namespace barevip::cli
