// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/source_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

IpPrefix prefix(const std::string& text) { return IpPrefix::parse(text).value(); }

/// So many different /32, from 10.0.0.0 on.
std::vector<std::string> rangesOfNumber(std::size_t count) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) {
    result.push_back(
        IpAddress::fromNumber(Family::kIpv4, 0x0a000000U + static_cast<unsigned>(i)).toString() +
        "/32");
  }
  return result;
}

model::Service guarded(std::vector<std::string> ranges, std::size_t ports = 1,
                       const std::string& name = "web",
                       std::initializer_list<std::string> vips = {"192.0.2.1"}) {
  model::Service result = service(name, vips);
  result.ports.clear();
  for (std::size_t i = 0; i < ports; ++i) {
    result.ports.push_back({"", model::Protocol::kTcp, static_cast<std::uint16_t>(80 + i), 0});
  }
  result.sourceRanges = std::move(ranges);
  return result;
}

SourceGuards guards(const ClusterBuilder& cluster) {
  return guardSources(assignVipPorts(cluster.state).all);
}

std::size_t entries(const SourceGuards& guards) {
  std::size_t sum = 0;
  for (const net::SourceRanges& guard : guards.guards) sum += guard.allowed.size();
  return sum;
}

TEST(SourceRanges, AreNormalisedAndOfTheVipsFamily) {
  const SourceGuards result = guards(ClusterBuilder().add(
      guarded({"198.51.100.7/24", " 10.0.0.0/8 ", "2001:db8::/32", "10.0.0.0/8", "0.0.0.0/0"})));
  ASSERT_THAT(result.guards, SizeIs(1));
  EXPECT_EQ(result.guards[0].virtualServer, tcp("192.0.2.1", 80));
  EXPECT_THAT(result.guards[0].allowed,
              ElementsAre(prefix("0.0.0.0/0"), prefix("10.0.0.0/8"), prefix("198.51.100.0/24")));
  EXPECT_THAT(result.problems, IsEmpty());
}

TEST(SourceRanges, GuardEveryPortOfEachAddressByItsFamily) {
  const SourceGuards result =
      guards(ClusterBuilder().add(guarded({"10.0.0.0/8"}, 2, "web", {"192.0.2.1", "2001:db8::1"})));
  ASSERT_THAT(result.guards, SizeIs(4));
  EXPECT_THAT(result.guards[1].allowed, ElementsAre(prefix("10.0.0.0/8")));
  EXPECT_THAT(result.guards[2].allowed, IsEmpty()) << "ranges of one family admit nobody else";
}

TEST(SourceRanges, AServiceWithoutAnyIsNotGuarded) {
  EXPECT_THAT(guards(ClusterBuilder().add(guarded({}))).guards, IsEmpty());
}

TEST(SourceRanges, ThatCannotBeReadAdmitNobodyAndAreOneProblem) {
  const SourceGuards result =
      guards(ClusterBuilder().add(guarded({"everybody", "10.0.0.0/33", "10.0.0.0/8"}, 2)));
  ASSERT_THAT(result.guards, SizeIs(2));
  EXPECT_THAT(result.guards[0].allowed, ElementsAre(prefix("10.0.0.0/8")));
  ASSERT_THAT(result.problems, SizeIs(1));
  EXPECT_EQ(result.problems[0].reason, "InvalidSourceRange");
  EXPECT_THAT(result.problems[0].message, HasSubstr("\"everybody\" and 1 more"));
}

TEST(SourceRanges, AsManyAsAServiceMayHaveAreTaken) {
  const SourceGuards result =
      guards(ClusterBuilder().add(guarded(rangesOfNumber(kMaxRangesOfService / 4), 4)));
  EXPECT_EQ(entries(result), kMaxRangesOfService);
  EXPECT_THAT(result.problems, IsEmpty());
}

TEST(SourceRanges, TooManyOfOneServiceCloseItAndNoOther) {
  const SourceGuards result =
      guards(ClusterBuilder()
                 .add(guarded(rangesOfNumber(70'000), 4, "greedy", {"192.0.2.1"}))
                 .add(guarded({"10.0.0.0/8"}, 1, "web", {"192.0.2.2"})));
  ASSERT_THAT(result.guards, SizeIs(5)) << "it is guarded";
  for (std::size_t i = 0; i < 4; ++i) EXPECT_THAT(result.guards[i].allowed, IsEmpty());
  EXPECT_THAT(result.guards[4].allowed, SizeIs(1));
  ASSERT_THAT(result.problems, SizeIs(1));
  EXPECT_EQ(result.problems[0].reason, "TooManySourceRanges");
  EXPECT_EQ(result.problems[0].service.name, "greedy");
  EXPECT_THAT(result.problems[0].message, HasSubstr("70000 ranges on 4 port(s)"));
}

TEST(SourceRanges, TooManyOfAllCloseThoseThatHaveTheMost) {
  ClusterBuilder cluster;
  constexpr std::size_t kGreedy = kMaxRangesOfAll / kMaxRangesOfService + 3;
  for (std::size_t i = 0; i < kGreedy; ++i) {
    cluster.add(guarded(rangesOfNumber(kMaxRangesOfService), 1, "greedy-" + std::to_string(i),
                        {"192.0.2." + std::to_string(1 + i)}));
  }
  cluster.add(guarded({"10.0.0.0/8"}, 1, "web", {"192.0.2.200"}));
  const SourceGuards result = guards(cluster);
  EXPECT_THAT(result.guards, SizeIs(kGreedy + 1)) << "all are guarded";
  EXPECT_LE(entries(result), kMaxRangesOfAll);
  EXPECT_GT(entries(result), kMaxRangesOfAll - kMaxRangesOfService) << "no more than needed";
  EXPECT_THAT(result.guards.back().allowed, SizeIs(1)) << "modest ones keep theirs";
  EXPECT_THAT(result.problems, SizeIs(4));
}

}  // namespace
}  // namespace barevip::node::test
