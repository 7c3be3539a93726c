// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/garp_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::set<IpAddress> vips(std::uint32_t count, std::uint32_t first = 0) {
  std::set<IpAddress> all;
  for (std::uint32_t i = 0; i < count; ++i) {
    all.insert(IpAddress::fromNumber(Family::kIpv4, ip("192.0.2.0").number() + first + i));
  }
  return all;
}

TEST(GarpSchedule, SpeaksAtOnceThenFiveTimesEachSecondThenAboutEveryMinute) {
  GarpSchedule schedule;
  MonotonicTime now{1000s};
  const MonotonicTime start = now;
  schedule.keep({ip("192.0.2.1")}, now);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(schedule.next(), start + i * 1s);
    now = *schedule.next();
    EXPECT_THAT(schedule.due(now, true), ElementsAre(ip("192.0.2.1")));
    EXPECT_THAT(schedule.due(now, true), IsEmpty());
  }
  EXPECT_GE(*schedule.next(), now + 60s);
  EXPECT_LT(*schedule.next(), now + 70s);
}

TEST(GarpSchedule, SaysWhatIsNewButRemindsOfNothingWhileItIsToldNotTo) {
  GarpSchedule schedule;
  MonotonicTime now{1000s};
  schedule.keep({ip("192.0.2.1")}, now);
  for (int i = 0; i < 6; ++i) {
    EXPECT_THAT(schedule.due(now, false), ElementsAre(ip("192.0.2.1")));
    now = *schedule.next();
  }
  EXPECT_THAT(schedule.due(now, false), IsEmpty());
  EXPECT_GE(*schedule.next(), now + 60s) << "no hot loop";
  now = *schedule.next();
  EXPECT_THAT(schedule.due(now, true), ElementsAre(ip("192.0.2.1")));
}

TEST(GarpSchedule, ForgetsWhatIsWithdrawnAndStartsAnewWhenItReturns) {
  GarpSchedule schedule;
  const MonotonicTime now{1000s};
  schedule.keep({ip("192.0.2.1"), ip("192.0.2.2")}, now);
  EXPECT_THAT(schedule.due(now, true), testing::SizeIs(2));
  schedule.keep({ip("192.0.2.2")}, now);
  EXPECT_THAT(schedule.due(now + 1s, true), ElementsAre(ip("192.0.2.2")));
  schedule.keep({ip("192.0.2.1"), ip("192.0.2.2")}, now + 1s);
  EXPECT_THAT(schedule.due(now + 1s, true), ElementsAre(ip("192.0.2.1")));
}

TEST(GarpSchedule, KeepsItsBudgetInEverySecondWhateverIsDue) {
  GarpSchedule schedule;
  const MonotonicTime start{1000s};
  MonotonicTime now = start;
  schedule.keep(vips(1000), now);
  std::vector<MonotonicTime> spoken;
  std::map<IpAddress, std::vector<MonotonicTime>> each;
  while (now < start + 61s) {
    const auto due = schedule.due(now, false);
    ASSERT_LE(due.size(), GarpSchedule::kAtOnce);
    spoken.insert(spoken.end(), due.size(), now);
    for (const IpAddress& vip : due) each[vip].push_back(now);
    now = *schedule.next();
  }
  for (const MonotonicTime begin : spoken) {
    const auto within = std::count_if(spoken.begin(), spoken.end(), [&](MonotonicTime at) {
      return begin <= at && at < begin + 1s;
    });
    ASSERT_LE(within, GarpSchedule::kPerSecond + GarpSchedule::kAtOnce);
  }
  ASSERT_EQ(each.size(), 1000U);
  for (const auto& [vip, times] : each) {
    EXPECT_LE(times.front(), start + 2s) << "a failover waits for no repetition";
    EXPECT_EQ(times.size(), 6U) << "late, but not left out";
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i], times[i - 1] + 1s);
  }
}

TEST(GarpSchedule, AVipThatNeverSpokeGoesBeforeThoseThatRepeatThemselves) {
  GarpSchedule schedule;
  MonotonicTime now{1000s};
  schedule.keep(vips(50), now);
  EXPECT_EQ(schedule.due(now, true).size(), 50U);
  now += 1s;
  auto all = vips(50);
  const auto fresh = vips(10, 200);
  all.insert(fresh.begin(), fresh.end());
  schedule.keep(all, now);
  const auto due = schedule.due(now, true);
  ASSERT_EQ(due.size(), 50U);
  EXPECT_EQ(std::set<IpAddress>(due.begin(), due.begin() + 10), fresh);
}

TEST(GarpSchedule, OfThoseThatNeverSpokeTheOneThatBeganLastGoesFirst) {
  GarpSchedule schedule;
  MonotonicTime now{1000s};
  schedule.keep(vips(1000), now);
  EXPECT_EQ(schedule.due(now, true).size(), 50U);
  now += 1s;
  auto all = vips(1000);
  const auto fresh = vips(3, 2000);
  all.insert(fresh.begin(), fresh.end());
  schedule.keep(all, now);
  const auto due = schedule.due(now, true);
  ASSERT_EQ(due.size(), 50U);
  EXPECT_EQ(std::set<IpAddress>(due.begin(), due.begin() + 3), fresh);
}

TEST(GarpSchedule, TenThousandVipsHaveSpokenOnceAfterTwentySeconds) {
  GarpSchedule schedule;
  const MonotonicTime start{1000s};
  MonotonicTime now = start;
  schedule.keep(vips(10'000), now);
  std::set<IpAddress> spoken;
  while (spoken.size() < 10'000 && now < start + 1min) {
    const auto due = schedule.due(now, false);
    spoken.insert(due.begin(), due.end());
    now = *schedule.next();
  }
  EXPECT_LE(now, start + 20s);
}

TEST(GarpSchedule, WhatDidNotGoOutDoesNotCount) {
  GarpSchedule schedule;
  MonotonicTime now{1000s};
  schedule.keep(vips(1), now);
  for (int i = 0; i < 20; ++i) {
    const auto due = schedule.due(now, true);
    ASSERT_EQ(due.size(), 1U) << i;
    schedule.unsent(due, now);
    EXPECT_EQ(schedule.next(), now + GarpSchedule::kTryAgain) << "no hot loop";
    now = *schedule.next();
  }
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(schedule.due(now, false).size(), 1U) << "all six are still to be sent";
    now += 1s;
  }
  EXPECT_THAT(schedule.due(now, false), IsEmpty());
}

}  // namespace
}  // namespace barevip::node::test
