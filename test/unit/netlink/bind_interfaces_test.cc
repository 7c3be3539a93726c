// SPDX-License-Identifier: Apache-2.0
#include "barevip/net/bind_interfaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace barevip::net {
namespace {

IpPrefix prefix(const char* text) { return IpPrefix::parse(text).value(); }
IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

BindInterfaces twoNics() {
  return {{"eth0", {prefix("192.0.2.0/24"), prefix("2001:db8::/64")}},
          {"eth1", {prefix("198.51.100.0/24")}}};
}

struct Assignment {
  const char* title;
  const char* vip;
  std::vector<std::string> names;
  const char* interface;  ///< null: none
};

class InterfaceFor : public testing::TestWithParam<Assignment> {};

TEST_P(InterfaceFor, AnAddress) {
  const Assignment& one = GetParam();
  const BindInterfaces all = twoNics();
  const BindInterface* const found = interfaceFor(address(one.vip), all, one.names);
  if (one.interface == nullptr) {
    EXPECT_EQ(found, nullptr);
  } else {
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->name, one.interface);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, InterfaceFor,
    testing::Values(
        Assignment{"IsThatOfItsSubnet", "198.51.100.7", {}, "eth1"},
        Assignment{"OfAnotherFamilyToo", "2001:db8::7", {}, "eth0"},
        Assignment{"OfNoSubnetIsTheFirst", "203.0.113.7", {}, "eth0"},
        Assignment{"IsOneThatThePoolNames", "203.0.113.7", {"eth1"}, "eth1"},
        Assignment{"NamedByThePoolIsThatOfTheSubnet", "198.51.100.7", {"eth0", "eth1"}, "eth1"},
        Assignment{"IsTheNamedOneThoughAnotherHasTheSubnet", "198.51.100.7", {"eth0"}, "eth0"},
        Assignment{"IsNoneWhereNoneIsNamed", "192.0.2.7", {"eth9"}, nullptr}),
    [](const auto& one) { return std::string(one.param.title); });

TEST(BindInterfaces, OfTwoSubnetsTheLongerPrefixCounts) {
  const BindInterfaces all{{"wide", {prefix("10.0.0.0/8")}}, {"narrow", {prefix("10.1.0.0/16")}}};
  EXPECT_EQ(interfaceFor(address("10.1.2.3"), all)->name, "narrow");
  EXPECT_EQ(interfaceFor(address("10.2.2.3"), all)->name, "wide");
}

TEST(BindInterfaces, AreReadAsTheyAreWritten) {
  BindInterfaces all = twoNics();
  all[1].running = false;
  all.push_back({"bond0.100"});
  EXPECT_EQ(toText(all), "eth0 192.0.2.0/24 2001:db8::/64 eth1 198.51.100.0/24 /down bond0.100");
  EXPECT_EQ(readBindInterfaces(toText(all)), all);
}

TEST(BindInterfaces, OfALeaseThatAnythingWroteAreWhatCanBeRead) {
  EXPECT_THAT(readBindInterfaces(""), testing::IsEmpty());
  EXPECT_THAT(readBindInterfaces("/down 10.0.0.0/8"), testing::IsEmpty());
  EXPECT_EQ(readBindInterfaces("  eth0 10.0.0.1/8 10.0.0.0/33 10.0.0.0/8 /x"),
            (BindInterfaces{{"eth0", {prefix("10.0.0.0/8")}}}));
  std::string many;
  for (int i = 0; i < 100; ++i) many += "eth" + std::to_string(i) + " ";
  EXPECT_THAT(readBindInterfaces(many), testing::SizeIs(kMaxBindInterfaces));
}

TEST(EntryMarks, AreDistinctAndWithinTheMaskOfAllMarks) {
  std::set<std::uint32_t> marks{kReturnMark};
  for (std::size_t i = 0; i < kMaxBindInterfaces; ++i) {
    EXPECT_EQ(entryMark(i) & kMarkMask, entryMark(i));
    EXPECT_TRUE(marks.insert(entryMark(i)).second);
  }
}

}  // namespace
}  // namespace barevip::net
