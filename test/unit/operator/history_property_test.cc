// SPDX-License-Identifier: Apache-2.0
// Random histories of a cluster, each checked after every event against a reference model.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

#include "barevip/base/log.h"

#include "history/generate.h"
#include "history/property.h"
#include "history/world.h"

namespace barevip::history {
namespace {

constexpr std::size_t kLongest = 40;  // events of a history

// The first broken promises, or nothing.
std::string playIn(World& world, const History& history) {
  for (const Event& event : history.events) {
    const auto broken = world.happen(event);
    if (!broken.empty()) return together(broken);
  }
  return together(world.finish());
}

class HistoryProperty : public testing::Test {
 protected:
  HistoryProperty() { log::setLevel(log::Level::kError); }
};

TEST_F(HistoryProperty, WhateverHappensThePromisesOfAllocationAreKept) {
  EXPECT_TRUE(holds("promises of allocation", histories(), [] {
    const auto history = *anyHistory(kLongest);
    World world(history.schedule);
    const std::string broken = playIn(world, history);
    if (!broken.empty()) RC_FAIL(broken);
  }));
}

TEST_F(HistoryProperty, TheSameHistoryGivesTheSameObjects) {
  EXPECT_TRUE(holds("same input, same output", histories() / 20, [] {
    const auto history = *anyHistory(kLongest);
    World first(history.schedule);
    World second(history.schedule);
    playIn(first, history);
    playIn(second, history);
    RC_ASSERT(first.everything() == second.everything());
  }));
}

}  // namespace
}  // namespace barevip::history
