// SPDX-License-Identifier: Apache-2.0
// The address rules of the project that barevip descends from, and where ours differ on purpose
// (docs/decisions/0003-strict-addresses.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::allocatorWith;
using test::assign;
using test::ip;
using test::pool;
using test::reason;
using test::request;
using test::shown;
using testing::HasSubstr;

// Gives addresses of the only Pool until none is left.
std::vector<std::string> drain(Allocator& allocator, Family family = Family::kIpv4) {
  std::vector<std::string> given;
  while (true) {
    const Choice choice = assign(allocator, request(std::to_string(given.size()), {family}));
    if (choice.refusal) return given;
    given.push_back(shown(choice));
  }
}

struct AddressCase {
  const char* name;
  std::vector<std::string> addresses;
  bool avoidBuggyIps;
  bool avoidGatewayIps;
  std::vector<std::string> filterIps;  ///< theirs; exclude is ours
  std::vector<std::string> given;
};

void PrintTo(const AddressCase& each, std::ostream* out) { *out << each.name; }

model::Pool poolOf(const AddressCase& each) {
  model::Pool result = pool("test", each.addresses);
  result.avoidBuggyIps = each.avoidBuggyIps;
  result.avoidGatewayIps = each.avoidGatewayIps;
  result.exclude = each.filterIps;
  return result;
}

class AsInTheOriginal : public testing::TestWithParam<AddressCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, AsInTheOriginal,
    testing::Values(AddressCase{"BuggyAndGateway",
                                {"172.22.132.0/30"},
                                true,
                                true,
                                {},
                                {"172.22.132.2", "172.22.132.3"}},
                    AddressCase{"Buggy",
                                {"172.22.132.0/30"},
                                true,
                                false,
                                {},
                                {"172.22.132.1", "172.22.132.2", "172.22.132.3"}},
                    AddressCase{"Gateway",
                                {"172.22.132.0/30"},
                                false,
                                true,
                                {},
                                {"172.22.132.0", "172.22.132.2", "172.22.132.3"}},
                    AddressCase{"WholeNetworkWithItsFirstAndLast",
                                {"172.22.132.0/30"},
                                false,
                                false,
                                {},
                                {"172.22.132.0", "172.22.132.1", "172.22.132.2", "172.22.132.3"}},
                    AddressCase{"RangeAndFilter",
                                {"172.22.132.0-172.22.132.5"},
                                true,
                                true,
                                {"172.22.132.4", "172.22.132.5"},
                                {"172.22.132.2", "172.22.132.3"}},
                    AddressCase{"PrefixAndFilter",
                                {"172.22.132.0/30"},
                                true,
                                false,
                                {"172.22.132.3"},
                                {"172.22.132.1", "172.22.132.2"}},
                    AddressCase{
                        "HostPrefix", {"172.22.132.7/32"}, false, false, {}, {"172.22.132.7"}},
                    AddressCase{"RangeOfIpv6",
                                {"2001:db8::1-2001:db8::2"},
                                false,
                                false,
                                {},
                                {"2001:db8::1", "2001:db8::2"}}),
    [](const auto& each) { return each.param.name; });

TEST_P(AsInTheOriginal, GivesTheSameAddressesInTheSameOrder) {
  Allocator allocator = allocatorWith({poolOf(GetParam())});
  EXPECT_EQ(drain(allocator, ip(GetParam().given.front()).family()), GetParam().given);
}

// Counts of the Pool of their controller tests: capacity, allocated, available.
std::string counts(const Allocator& allocator) {
  const PoolUsage::Counts ipv4 = allocator.usage("test").ipv4;
  return toString(ipv4.capacity) + " " + toString(ipv4.allocated) + " " + toString(ipv4.available);
}

class TheirControllerTests : public testing::Test {
 protected:
  void SetUp() override { setAddresses({"172.22.132.0-172.22.132.5"}); }

  void setAddresses(const std::vector<std::string>& addresses) {
    allocator_.setPools(planPools({poolOf({"", addresses, true, false, {}, {}})}));
  }

  Allocator allocator_;
};

TEST_F(TheirControllerTests, APoolCountsWhatIsNotLeftOut) {
  EXPECT_EQ(counts(allocator_), "5 0 5");
}

TEST_F(TheirControllerTests, APoolThatGrowsCountsTheNewEntryToo) {
  setAddresses({"172.22.132.0-172.22.132.5", "172.22.132.250-172.22.132.255"});
  EXPECT_EQ(counts(allocator_), "10 0 10");
}

TEST_F(TheirControllerTests, APoolWithABadEntryIsFaultyAndSaysWhy) {
  const auto plans = planPools({pool("test", {"172.22.132.250-172.22.132.267"})});
  ASSERT_TRUE(plans[0].fault);
  EXPECT_THAT(plans[0].fault->message, HasSubstr("172.22.132.267"));
}

TEST_F(TheirControllerTests, TheFirstAddressIsGivenAndComesBack) {
  EXPECT_EQ(shown(assign(allocator_, request("web"))), "172.22.132.1");
  EXPECT_EQ(counts(allocator_), "5 1 4");
  EXPECT_TRUE(allocator_.release({"default", "web"}, ip("172.22.132.1")));
  EXPECT_EQ(counts(allocator_), "5 0 5");
}

TEST_F(TheirControllerTests, AFullPoolRefuses) {
  EXPECT_EQ(drain(allocator_).size(), 5U);
  EXPECT_EQ(reason(assign(allocator_, request("late"))), "PoolExhausted");
}

class NotAsInTheOriginal : public testing::TestWithParam<AddressCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, NotAsInTheOriginal,
    testing::Values(
        // There a bare address was an error.
        AddressCase{
            "ABareAddressIsThatOneAddress", {"172.22.132.7"}, false, false, {}, {"172.22.132.7"}},
        // There only the dash itself.
        AddressCase{"SpacesMayStandAroundTheDash",
                    {"172.22.132.7 - 172.22.132.8"},
                    false,
                    false,
                    {},
                    {"172.22.132.7", "172.22.132.8"}},
        // There a filter was one address, and everything else filtered nothing.
        AddressCase{"AnExclusionMayBeARangeOrPrefix",
                    {"172.22.132.0/29"},
                    false,
                    false,
                    {"172.22.132.0/30", "172.22.132.4-172.22.132.6"},
                    {"172.22.132.7"}},
        // There this ended the process.
        AddressCase{"TheFlagsConcernIpv4Only",
                    {"2001:db8::/127"},
                    true,
                    true,
                    {},
                    {"2001:db8::", "2001:db8::1"}},
        // There entries were tried in their order.
        AddressCase{"TheLowestFreeAddressIsGivenFirst",
                    {"172.22.132.9/32", "172.22.132.7/32"},
                    false,
                    false,
                    {},
                    {"172.22.132.7", "172.22.132.9"}},
        // There they were given.
        AddressCase{"WhatCannotBeAVirtualAddressIsNotGiven",
                    {"127.0.0.0/30", "224.0.0.0/30", "172.22.132.7/32"},
                    false,
                    false,
                    {},
                    {"172.22.132.7"}}),
    [](const auto& each) { return each.param.name; });

TEST_P(NotAsInTheOriginal, GivesWhatTheEntryMeans) {
  Allocator allocator = allocatorWith({poolOf(GetParam())});
  EXPECT_EQ(drain(allocator, ip(GetParam().given.front()).family()), GetParam().given);
}

struct RefusedCase {
  const char* name;
  std::vector<std::string> addresses;
  const char* says;
};

class RefusedUnlikeInTheOriginal : public testing::TestWithParam<RefusedCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedUnlikeInTheOriginal,
    testing::Values(
        // There it meant the whole network.
        RefusedCase{"HostBits", {"172.22.132.5/30"}, "write 172.22.132.4/30 for the network"},
        // There these two meant no address at all, silently.
        RefusedCase{
            "InvertedRange", {"172.22.132.5-172.22.132.1"}, "write 172.22.132.1-172.22.132.5"},
        RefusedCase{"MixedRange", {"172.22.132.5-2001:db8::1"}, "mixes IPv4 and IPv6"},
        // There it counted twice and could be given twice.
        RefusedCase{"Overlap",
                    {"172.22.132.0/30", "172.22.132.2/32"},
                    "each address may stand in one entry only"},
        // There one spelling of an address hid the other.
        RefusedCase{"MappedAddress", {"::ffff:172.22.132.5/128"}, "write it as 172.22.132.5"}),
    [](const auto& each) { return each.param.name; });

TEST_P(RefusedUnlikeInTheOriginal, SaysHowToMendIt) {
  const auto plans = planPools({pool("test", GetParam().addresses)});
  ASSERT_TRUE(plans[0].fault);
  EXPECT_THAT(plans[0].fault->message, HasSubstr(GetParam().says));
}

}  // namespace
}  // namespace barevip::assigner
