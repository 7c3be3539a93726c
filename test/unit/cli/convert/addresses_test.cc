// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>

namespace barevip::cli {
namespace {

using testing::ElementsAre;

std::vector<std::string> converted(const std::vector<std::string>& addresses) {
  PoolSource source;
  for (const std::string& text : addresses) source.addresses.push_back({"spec.addresses", text});
  Report report;
  std::vector<std::string> texts;
  for (const Entry& entry : convertAddresses(source, report)) {
    EXPECT_EQ(IpRange::parse(entry.text), entry.range);
    texts.push_back(entry.text);
  }
  return texts;
}

TEST(ConvertAddresses, KeepsTheOrderAndForm) {
  EXPECT_THAT(converted({"10.0.1.0/24", "10.0.0.1-10.0.0.9", "2001:DB8::/64"}),
              ElementsAre("10.0.1.0/24", "10.0.0.1-10.0.0.9", "2001:db8::/64"));
}

TEST(ConvertAddresses, OfEntriesThatOverlapTheWiderOneStays) {
  EXPECT_THAT(converted({"10.0.0.0/24", "10.0.0.0/25"}), ElementsAre("10.0.0.0/24"));
  EXPECT_THAT(converted({"10.0.0.0/25", "10.0.0.0/24"}), ElementsAre("10.0.0.0/24"));
}

TEST(ConvertAddresses, OneEntryMayJoinSeveral) {
  EXPECT_THAT(converted({"10.0.0.0/30", "10.0.1.0/32", "10.0.0.8/30", "10.0.0.3-10.0.0.8"}),
              ElementsAre("10.0.0.0-10.0.0.11", "10.0.1.0/32"));
}

TEST(ConvertAddresses, JoinsNeighboursOnlyIfThereAreTooManyEntries) {
  EXPECT_THAT(converted({"10.0.0.0/25", "10.0.0.128/25"}),
              ElementsAre("10.0.0.0/25", "10.0.0.128/25"));
  std::vector<std::string> many{"2001:db8::/64"};
  for (int i = 255; i >= 0; --i) many.push_back("10.0.0." + std::to_string(i) + "/32");
  EXPECT_THAT(converted(many), ElementsAre("10.0.0.0-10.0.0.255", "2001:db8::/64"));
}

// Over ranges in a space of 256 addresses, so that they overlap often.
TEST(ConvertAddresses, KeepsEachAddressAndHasItOnce) {
  EXPECT_TRUE(rc::check("same addresses, each in one entry", [] {
    const auto ends = *rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>();
    std::vector<std::string> addresses;
    std::array<int, 256> wanted{};
    for (const auto& [a, b] : ends) {
      const int first = std::min(a, b);
      const int last = std::max(a, b);
      addresses.push_back("10.0.0." + std::to_string(first) + "-10.0.0." + std::to_string(last));
      for (int i = first; i <= last; ++i) wanted.at(static_cast<std::size_t>(i)) = 1;
    }
    std::array<int, 256> got{};
    for (const std::string& entry : converted(addresses)) {
      const IpRange range = *IpRange::parse(entry);
      for (auto i = range.first.number(); i <= range.last.number(); ++i) {
        ++got.at(static_cast<std::size_t>(i & 0xffU));
      }
    }
    RC_ASSERT(got == wanted);
  }));
}

TEST(ConvertFilters, JoinsNeighboursIfThereAreTooMany) {
  PoolSource source;
  for (int i = 0; i < 200; ++i) source.filters.push_back({"", "10.0.0." + std::to_string(i)});
  Report report;
  const auto entries = convertFilters(source, report);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].text, "10.0.0.0-10.0.0.199");
}

}  // namespace
}  // namespace barevip::cli
