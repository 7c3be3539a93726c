// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_space.h"

#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using test::range;
using test::setOf;

// Takes the lowest free address until none is left.
std::vector<std::string> drain(PoolSpace& space, Family family = Family::kIpv4) {
  std::vector<std::string> addresses;
  while (const auto address = space.lowestFree(family)) {
    addresses.push_back(address->toString());
    space.allocation(*address);
  }
  return addresses;
}

TEST(PoolSpace, AvoidsByLastOctetAcrossBlocks) {
  PoolSpace space(setOf({"10.0.0.252-10.0.1.3"}), {true, true});
  EXPECT_EQ(space.capacity(Family::kIpv4), 4U);
  EXPECT_EQ(drain(space),
            (std::vector<std::string>{"10.0.0.252", "10.0.0.253", "10.0.1.2", "10.0.1.3"}));
}

TEST(PoolSpace, AvoidsNothingInIpv6) {
  PoolSpace space(setOf({"2001:db8::/126"}), {true, true});
  EXPECT_EQ(drain(space, Family::kIpv6),
            (std::vector<std::string>{"2001:db8::", "2001:db8::1", "2001:db8::2", "2001:db8::3"}));
}

struct SizeCase {
  const char* entry;
  const char* capacity;
  const char* lowest;
};

TEST(PoolSpace, CountsHugePoolsWithoutOverflow) {
  const SizeCase cases[] = {
      {"10.0.0.0/8", "16777216", "10.0.0.0"},
      {"2001:db8::/64", "18446744073709551616", "2001:db8::"},
      // Without ::, ::1, IPv4-mapped, link-local and multicast addresses.
      {"::/0", "338620831926207318622244848602122813438", "::2"},
  };
  for (const SizeCase& each : cases) {
    const PoolSpace space(setOf({each.entry}), {});
    const Family family = range(each.entry).family();
    EXPECT_EQ(toString(space.capacity(family)), each.capacity) << each.entry;
    EXPECT_EQ(space.lowestFree(family)->toString(), each.lowest) << each.entry;
  }
}

TEST(PoolSpace, CountsAHugeEntryBesideASmallOne) {
  const PoolSpace space(setOf({"1000::/64", "1.2.3.0/24"}), {});
  EXPECT_EQ(toString(space.capacity(Family::kIpv6)), "18446744073709551616");
  EXPECT_EQ(space.capacity(Family::kIpv4), 256U);
}

TEST(PoolSpace, NeverOffersWhatCannotBeAVirtualAddress) {
  PoolSpace space(setOf({"0.0.0.0/0", "::/0"}), {});
  for (const char* const text : {"0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.251",
                                 "255.255.255.255", "::", "::1", "fe80::1", "ff02::1"}) {
    EXPECT_FALSE(space.offers(ip(text))) << text;
  }
}

TEST(PoolSpace, GivesAReleasedAddressAgainBeforeHigherOnes) {
  PoolSpace space(setOf({"192.0.2.0/29"}), {true, true});
  EXPECT_EQ(drain(space).size(), 6U);
  space.release(ip("192.0.2.5"));
  space.release(ip("192.0.2.3"));
  EXPECT_EQ(space.lowestFree(Family::kIpv4), ip("192.0.2.3"));
  EXPECT_EQ(drain(space), (std::vector<std::string>{"192.0.2.3", "192.0.2.5"}));
  EXPECT_EQ(space.held(Family::kIpv4), 6U);
}

TEST(PoolSpace, IgnoresWhatItDoesNotOffer) {
  PoolSpace space(setOf({"192.0.2.0/29"}), {true, false});
  space.allocation(ip("192.0.2.0"));
  space.allocation(ip("198.51.100.1"));
  EXPECT_EQ(space.held(Family::kIpv4), 0U);
  space.release(ip("192.0.2.0"));
  space.release(ip("198.51.100.1"));
  EXPECT_EQ(space.lowestFree(Family::kIpv4), ip("192.0.2.1"));
}

TEST(PoolSpace, ReachesTheEndOfTheNumbers) {
  PoolSpace space(setOf({"feff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"}), {});
  EXPECT_EQ(drain(space, Family::kIpv6).size(), 2U);
  PoolSpace last(setOf({"255.255.255.252/30"}), {});
  EXPECT_EQ(drain(last).back(), "255.255.255.254");
}

}  // namespace
}  // namespace barevip::assigner
