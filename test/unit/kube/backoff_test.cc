// SPDX-License-Identifier: Apache-2.0
#include "common/kube/backoff.h"

#include <gtest/gtest.h>

#include <vector>

#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;

std::vector<milliseconds> pauses(Backoff& backoff, int count) {
  std::vector<milliseconds> result;
  for (int i = 0; i < count; ++i) result.push_back(backoff.next());
  return result;
}

TEST(Backoff, DoublesUpToTheLongest) {
  const ManualClock clock;
  Backoff backoff(clock, [] { return 0.0; });
  EXPECT_EQ(pauses(backoff, 8),
            (std::vector<milliseconds>{milliseconds(800), milliseconds(1600), milliseconds(3200),
                                       milliseconds(6400), milliseconds(12800), milliseconds(25600),
                                       milliseconds(30000), milliseconds(30000)}));
}

TEST(Backoff, AddsItsJitter) {
  const ManualClock clock;
  Backoff backoff(clock, [] { return 0.5; });
  EXPECT_EQ(backoff.next(), milliseconds(1200));
}

TEST(Backoff, AddsItsJitterToALimitToo) {
  const ManualClock clock;
  Backoff backoff(clock, [] { return 0.5; });
  pauses(backoff, 7);
  EXPECT_EQ(backoff.next(milliseconds(10'000)), milliseconds(15'000));
}

TEST(Backoff, StartsOverAfterAQuietTime) {
  ManualClock clock;
  Backoff backoff(clock, [] { return 0.0; });
  pauses(backoff, 5);
  clock.advance(std::chrono::seconds(100));
  EXPECT_GT(backoff.next(), milliseconds(800)) << "not quiet for long enough";
  clock.advance(std::chrono::minutes(4));
  EXPECT_EQ(backoff.next(), milliseconds(800));
}

TEST(Backoff, StartsOverOnDemand) {
  const ManualClock clock;
  Backoff backoff(clock, [] { return 0.0; });
  pauses(backoff, 5);
  backoff.reset();
  EXPECT_EQ(backoff.next(), milliseconds(800));
}

}  // namespace
}  // namespace barevip::kube
