// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/overwrite_backoff.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "fakes/manual_clock.h"

namespace barevip::assigner {
namespace {

using namespace std::chrono_literals;

const kube::ObjectKey kWeb{"default", "web"};

class OverwriteBackoffTest : public testing::Test {
 protected:
  OverwriteBackoffTest() { pace_.wrote(kWeb, "1", "ours"); }

  /// Somebody else writes now; we repair as soon as we may. Returns how long that took.
  std::chrono::milliseconds overwritten() {
    const std::string version = std::to_string(++version_);
    const auto verdict = pace_.differs(kWeb, version, "ours");
    EXPECT_TRUE(verdict.overwritten);
    begins_ += verdict.contended ? 1 : 0;
    clock_.advance(verdict.wait);
    EXPECT_EQ(pace_.differs(kWeb, version, "ours").wait, 0ms) << "the time has come";
    pace_.wrote(kWeb, version, "ours");
    return verdict.wait;
  }

  ManualClock clock_;
  OverwriteBackoff pace_{clock_};
  int version_ = 100;
  int begins_ = 0;
};

TEST_F(OverwriteBackoffTest, TheFirstRepairIsImmediate) {
  EXPECT_EQ(overwritten(), 0ms);
  EXPECT_EQ(begins_, 0);
}

TEST_F(OverwriteBackoffTest, ThePausesOfAFightGrowToTenMinutes) {
  overwritten();
  for (const auto pause : {10s, 20s, 40s, 80s, 160s, 320s, 600s, 600s}) {
    clock_.advance(1s);
    EXPECT_EQ(overwritten(), pause);
  }
  EXPECT_EQ(begins_, 1) << "said once";
}

TEST_F(OverwriteBackoffTest, WhatIsOverwrittenLaterThanAMinuteIsRepairedAtOnce) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(overwritten(), 0ms);
    clock_.advance(1min);
  }
  EXPECT_EQ(begins_, 0);
  overwritten();
  EXPECT_EQ(overwritten(), 10s) << "the first pause, however many repairs there were";
  EXPECT_EQ(begins_, 1);
}

TEST_F(OverwriteBackoffTest, TenQuietMinutesEndAFight) {
  for (int i = 0; i < 4; ++i) overwritten();
  clock_.advance(10min);
  EXPECT_EQ(overwritten(), 0ms);
  EXPECT_EQ(overwritten(), 10s);
  EXPECT_EQ(begins_, 2);
}

TEST_F(OverwriteBackoffTest, WhatIsWrittenDuringAPauseDoesNotProlongIt) {
  overwritten();
  EXPECT_EQ(pace_.differs(kWeb, "2", "ours").wait, 10s);
  clock_.advance(4s);
  EXPECT_EQ(pace_.differs(kWeb, "3", "ours").wait, 6s);
  EXPECT_FALSE(pace_.differs(kWeb, "4", "ours").contended);
}

TEST_F(OverwriteBackoffTest, AnotherChoiceOfOurOwnIsNoOverwrite) {
  overwritten();
  const auto verdict = pace_.differs(kWeb, "theirs", "ours, changed");
  EXPECT_FALSE(verdict.overwritten);
  EXPECT_EQ(verdict.wait, 0ms);
}

TEST_F(OverwriteBackoffTest, AnOwnWriteThatIsNotSeenYetIsNoOverwrite) {
  EXPECT_FALSE(pace_.differs(kWeb, "1", "ours").overwritten);
  EXPECT_EQ(overwritten(), 0ms) << "still the first one";
}

TEST_F(OverwriteBackoffTest, AStatusThatIsRightAgainEndsThePause) {
  overwritten();
  EXPECT_EQ(pace_.differs(kWeb, "2", "ours").wait, 10s);
  pace_.agrees(kWeb);
  clock_.advance(5s);
  EXPECT_EQ(pace_.differs(kWeb, "3", "ours").wait, 20s) << "a new one, since this is a new write";
}

TEST_F(OverwriteBackoffTest, EachServiceHasItsOwnPace) {
  overwritten();
  overwritten();
  EXPECT_FALSE(pace_.differs({"default", "other"}, "2", "ours").overwritten);
  pace_.forget(kWeb);
  EXPECT_FALSE(pace_.differs(kWeb, "2", "ours").overwritten) << "another Service of that name";
}

}  // namespace
}  // namespace barevip::assigner
