// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/ability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;

class AbilityTest : public testing::Test {
 protected:
  std::optional<Ability> judge(const Lacks& lacks) { return watch.judge(lacks, now); }
  Ability told(const Lacks& lacks) { return judge(lacks).value(); }

  const IpAddress first = ip("192.0.2.1");
  const IpAddress second = ip("192.0.2.2");
  const Lacks none;
  const Lacks unguarded{true, {}, {}};
  MonotonicTime now{1000s};
  AbilityWatch watch;
};

TEST_F(AbilityTest, ANodeWithoutALackServesAll) {
  EXPECT_EQ(judge(none), Ability{});
  EXPECT_EQ(watch.next(), std::nullopt);
}

TEST_F(AbilityTest, ANodeWhosePacketFilterIsRefusedForLongDoesNotServe) {
  (void)judge(none);
  EXPECT_TRUE(told(unguarded).serving);
  EXPECT_EQ(watch.next(), now + kLackPatience);
  now += kLackPatience;
  EXPECT_FALSE(told(unguarded).serving);
  EXPECT_EQ(watch.next(), std::nullopt);
}

TEST_F(AbilityTest, ALackThatPassesIsNotTold) {
  (void)judge(none);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(told({true, {first}, {second}}), Ability{});
    now += kLackPatience - 1s;
    EXPECT_EQ(told(none), Ability{});
    now += 1s;
  }
}

TEST_F(AbilityTest, ALackThatComesAndGoesCountsUntilItIsOverForLong) {
  (void)judge(unguarded);
  now += kLackPatience;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(told(unguarded).serving);
    now += 1s;
    EXPECT_FALSE(told(none).serving);
    EXPECT_EQ(watch.next(), now + kRecovery);
    now += kRecovery - 1s;
  }
  EXPECT_FALSE(told(none).serving);
  now += 1s;
  EXPECT_TRUE(told(none).serving);
  EXPECT_TRUE(told(unguarded).serving) << "a new lack";
}

TEST_F(AbilityTest, AVipThatCannotBeAnnouncedForLongIsBlocked) {
  (void)judge(none);
  EXPECT_EQ(told({false, {first}, {}}), Ability{});
  now += 2s;
  EXPECT_EQ(told({false, {first, second}, {}}), Ability{});
  EXPECT_EQ(watch.next(), now + kLackPatience - 2s);
  now += kLackPatience - 2s;
  EXPECT_EQ(told({false, {first, second}, {}}), (Ability{true, {first}, {}}));
  now += 2s;
  EXPECT_EQ(told({false, {second}, {}}), (Ability{true, {first, second}, {}}));
  now += kRecovery;
  EXPECT_EQ(told({false, {second}, {}}), (Ability{true, {second}, {}}));
}

TEST_F(AbilityTest, AVipThatSomethingElseHoldsIsToldApart) {
  (void)judge({false, {first}, {second}});
  now += kLackPatience;
  EXPECT_EQ(told({false, {first}, {second}}), (Ability{true, {first}, {second}}));
}

TEST_F(AbilityTest, AtFirstNothingIsSaidOfALackThatMayLast) {
  EXPECT_EQ(judge(unguarded), std::nullopt);
  EXPECT_EQ(watch.next(), now + kLackPatience);
  now += 4s;
  EXPECT_EQ(judge({true, {first}, {}}), std::nullopt);
  now += 1s;
  EXPECT_EQ(told({true, {first}, {}}), (Ability{false, {}, {}})) << "no longer than the patience";
}

TEST_F(AbilityTest, AtFirstALackThatPassesDelaysTheFirstWord) {
  EXPECT_EQ(judge(unguarded), std::nullopt);
  now += 1s;
  EXPECT_EQ(judge(none), Ability{});
}

std::set<IpAddress> oneTooMany() {
  std::set<IpAddress> vips;
  for (unsigned i = 0; i <= kMaxBlocked; ++i) {
    vips.insert(IpAddress::fromNumber(Family::kIpv4, 0xc0000200U + i));
  }
  return vips;
}

TEST_F(AbilityTest, ANodeWithVeryManyRefusedVipsDoesNotServe) {
  (void)judge({false, oneTooMany(), {}});
  now += kLackPatience;
  EXPECT_EQ(told({false, oneTooMany(), {}}), (Ability{false, {}, {}}));
}

TEST_F(AbilityTest, OfVeryManyHeldVipsTheFirstAreTold) {
  (void)judge({false, {}, oneTooMany()});
  now += kLackPatience;
  const Ability ability = told({false, {}, oneTooMany()});
  EXPECT_TRUE(ability.serving);
  EXPECT_EQ(ability.held.size(), kMaxBlocked);
}

}  // namespace
}  // namespace barevip::node::test
