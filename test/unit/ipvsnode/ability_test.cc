// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/ability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;

class AbilityTest : public testing::Test {
 protected:
  Ability judge(bool guarded, const std::set<IpAddress>& unable = {}) {
    return watch.judge(guarded, unable, now);
  }

  MonotonicTime now{1000s};
  AbilityWatch watch;
};

TEST_F(AbilityTest, ANodeWithoutALackServesAll) {
  EXPECT_EQ(judge(true), Ability{});
  EXPECT_EQ(watch.next(), std::nullopt);
}

TEST_F(AbilityTest, ANodeWhosePacketFilterIsRefusedForLongDoesNotServe) {
  EXPECT_TRUE(judge(false).serving);
  EXPECT_EQ(watch.next(), now + kLackPatience);
  now += kLackPatience;
  EXPECT_FALSE(judge(false).serving);
  EXPECT_EQ(watch.next(), std::nullopt);
  EXPECT_TRUE(judge(true).serving);
  EXPECT_TRUE(judge(false).serving) << "a new lack";
}

TEST_F(AbilityTest, AVipThatCannotBeAnnouncedForLongIsBlocked) {
  const IpAddress first = ip("192.0.2.1");
  const IpAddress second = ip("192.0.2.2");
  EXPECT_EQ(judge(true, {first}), Ability{});
  now += 2s;
  EXPECT_EQ(judge(true, {first, second}), Ability{});
  EXPECT_EQ(watch.next(), now + kLackPatience - 2s);
  now += kLackPatience - 2s;
  EXPECT_EQ(judge(true, {first, second}), (Ability{true, {first}}));
  now += 2s;
  EXPECT_EQ(judge(true, {second}), (Ability{true, {second}}));
}

TEST_F(AbilityTest, ANodeWithVeryManyBlockedVipsDoesNotServe) {
  std::set<IpAddress> unable;
  for (unsigned i = 0; i <= kMaxBlocked; ++i) {
    unable.insert(IpAddress::fromNumber(Family::kIpv4, 0xc0000200U + i));
  }
  EXPECT_EQ(judge(true, unable), Ability{});
  now += kLackPatience;
  EXPECT_EQ(judge(true, unable), (Ability{false, {}}));
}

}  // namespace
}  // namespace barevip::node::test
