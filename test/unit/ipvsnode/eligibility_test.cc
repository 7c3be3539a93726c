// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/eligibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;

class EligibilityTest : public testing::Test {
 protected:
  std::optional<Eligibility> judge(const Impediments& impediments) {
    return watch.judge(impediments, now);
  }
  Eligibility told(const Impediments& impediments) { return judge(impediments).value(); }

  const IpAddress first = ip("192.0.2.1");
  const IpAddress second = ip("192.0.2.2");
  const Impediments none;
  const Impediments unguarded{true, {}, {}};
  MonotonicTime now{1000s};
  EligibilityFilter watch;
};

TEST_F(EligibilityTest, ANodeWithoutALackServesAll) {
  EXPECT_EQ(judge(none), Eligibility{});
  EXPECT_EQ(watch.next(), std::nullopt);
}

TEST_F(EligibilityTest, ANodeWhosePacketFilterIsRefusedForLongDoesNotServe) {
  (void)judge(none);
  EXPECT_TRUE(told(unguarded).serving);
  EXPECT_EQ(watch.next(), now + kFallTime);
  now += kFallTime;
  EXPECT_FALSE(told(unguarded).serving);
  EXPECT_EQ(watch.next(), std::nullopt);
}

TEST_F(EligibilityTest, ALackThatPassesIsNotTold) {
  (void)judge(none);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(told({true, {first}, {second}}), Eligibility{});
    now += kFallTime - 1s;
    EXPECT_EQ(told(none), Eligibility{});
    now += 1s;
  }
}

TEST_F(EligibilityTest, ALackThatComesAndGoesCountsUntilItIsOverForLong) {
  (void)judge(unguarded);
  now += kFallTime;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(told(unguarded).serving);
    now += 1s;
    EXPECT_FALSE(told(none).serving);
    EXPECT_EQ(watch.next(), now + kRiseTime);
    now += kRiseTime - 1s;
  }
  EXPECT_FALSE(told(none).serving);
  now += 1s;
  EXPECT_TRUE(told(none).serving);
  EXPECT_TRUE(told(unguarded).serving) << "a new lack";
}

TEST_F(EligibilityTest, AVipThatCannotBeAnnouncedForLongIsBlocked) {
  (void)judge(none);
  EXPECT_EQ(told({false, {first}, {}}), Eligibility{});
  now += 2s;
  EXPECT_EQ(told({false, {first, second}, {}}), Eligibility{});
  EXPECT_EQ(watch.next(), now + kFallTime - 2s);
  now += kFallTime - 2s;
  EXPECT_EQ(told({false, {first, second}, {}}), (Eligibility{true, {first}, {}}));
  now += 2s;
  EXPECT_EQ(told({false, {second}, {}}), (Eligibility{true, {first, second}, {}}));
  now += kRiseTime;
  EXPECT_EQ(told({false, {second}, {}}), (Eligibility{true, {second}, {}}));
}

TEST_F(EligibilityTest, AVipThatSomethingElseHoldsIsToldApart) {
  (void)judge({false, {first}, {second}});
  now += kFallTime;
  EXPECT_EQ(told({false, {first}, {second}}), (Eligibility{true, {first}, {second}}));
}

TEST_F(EligibilityTest, AtFirstNothingIsSaidOfALackThatMayLast) {
  EXPECT_EQ(judge(unguarded), std::nullopt);
  EXPECT_EQ(watch.next(), now + kFallTime);
  now += 4s;
  EXPECT_EQ(judge({true, {first}, {}}), std::nullopt);
  now += 1s;
  EXPECT_EQ(told({true, {first}, {}}), (Eligibility{false, {}, {}}))
      << "no longer than the patience";
}

TEST_F(EligibilityTest, AtFirstALackThatPassesDelaysTheFirstWord) {
  EXPECT_EQ(judge(unguarded), std::nullopt);
  now += 1s;
  EXPECT_EQ(judge(none), Eligibility{});
}

std::set<IpAddress> oneTooMany() {
  std::set<IpAddress> vips;
  for (unsigned i = 0; i <= kMaxBlocked; ++i) {
    vips.insert(IpAddress::fromNumber(Family::kIpv4, 0xc0000200U + i));
  }
  return vips;
}

TEST_F(EligibilityTest, ANodeWithVeryManyRefusedVipsDoesNotServe) {
  (void)judge({false, oneTooMany(), {}});
  now += kFallTime;
  EXPECT_EQ(told({false, oneTooMany(), {}}), (Eligibility{false, {}, {}}));
}

TEST_F(EligibilityTest, OfVeryManyHeldVipsTheFirstAreTold) {
  (void)judge({false, {}, oneTooMany()});
  now += kFallTime;
  const Eligibility eligibility = told({false, {}, oneTooMany()});
  EXPECT_TRUE(eligibility.serving);
  EXPECT_EQ(eligibility.held.size(), kMaxBlocked);
}

}  // namespace
}  // namespace barevip::node::test
