// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/address_set.h"

#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using test::range;
using test::setOf;

std::string text(const AddressSet& set) {
  std::string result;
  for (const IpRange& each : set.ranges()) {
    result += (result.empty() ? "" : " ") + each.toString();
  }
  return result;
}

TEST(AddressSet, JoinsEntriesThatTouchOrOverlapWhateverTheirOrder) {
  EXPECT_EQ(text(setOf({"192.0.2.4-192.0.2.6", "192.0.2.0/30"})), "192.0.2.0-192.0.2.6");
  EXPECT_EQ(text(setOf({"192.0.2.0/30", "192.0.2.2-192.0.2.9"})), "192.0.2.0-192.0.2.9");
  EXPECT_EQ(text(setOf({"192.0.2.9", "192.0.2.1", "2001:db8::1", "192.0.2.5"})),
            "192.0.2.1 192.0.2.5 192.0.2.9 2001:db8::1");
}

TEST(AddressSet, NeverJoinsTheFamilies) {
  EXPECT_EQ(text(setOf({"255.255.255.255", "::"})), "255.255.255.255 ::");
}

TEST(AddressSet, SubtractsFromTheMiddleAndTheEnds) {
  AddressSet set = setOf({"192.0.2.0/28"});
  set.subtract(range("192.0.2.4-192.0.2.5"));
  set.subtract(range("192.0.2.0"));
  set.subtract(range("192.0.2.15-192.0.2.200"));
  EXPECT_EQ(text(set), "192.0.2.1-192.0.2.3 192.0.2.6-192.0.2.14");
}

TEST(AddressSet, HasTheWholeOfBothFamilies) {
  AddressSet set = setOf({"0.0.0.0/0", "::/0"});
  EXPECT_TRUE(set.contains(ip("255.255.255.255")));
  EXPECT_TRUE(set.contains(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
  set.subtract(range("::/0"));
  EXPECT_EQ(text(set), "0.0.0.0-255.255.255.255");
}

TEST(AddressSet, FindsTheLowestCommonPart) {
  const AddressSet set = setOf({"192.0.2.0/28", "198.51.100.0/24"});
  EXPECT_EQ(set.firstOverlap(setOf({"198.51.100.7-198.51.101.3"}))->toString(),
            "198.51.100.7-198.51.100.255");
  EXPECT_EQ(set.firstOverlap(setOf({"192.0.2.16/28", "2001:db8::/64"})), std::nullopt);
}

}  // namespace
}  // namespace barevip::assigner
