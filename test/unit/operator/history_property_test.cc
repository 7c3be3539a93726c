// SPDX-License-Identifier: Apache-2.0
// Random histories of a cluster, each checked after every event against a reference model.
// RC_PARAMS="seed=N" plays a run again; BAREVIP_HISTORIES is how many histories a run has.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "barevip/base/log.h"

#include "history/generate.h"
#include "history/world.h"

namespace barevip::history {
namespace {

constexpr std::size_t kLongest = 40;  // events of a history
constexpr int kDefaultHistories = 10'000;

int histories() {
  const char* const text = std::getenv("BAREVIP_HISTORIES");
  return text == nullptr ? kDefaultHistories : std::max(1, std::atoi(text));
}

template <class Property>
bool allocations(const std::string& promise, int count, Property property) {
  const auto& configured = rc::detail::configuration().testParams;
  rc::detail::TestParams params = configured;
  if (params.maxSuccess == rc::detail::TestParams().maxSuccess) params.maxSuccess = count;
  rc::detail::TestMetadata metadata;
  metadata.id = promise;
  metadata.description = promise;
  const auto result = rc::detail::checkTestable(property, metadata, params);
  rc::detail::printResultMessage(result, std::cerr);
  std::cerr << " (seed=" << params.seed << ")\n";
  return result.template is<rc::detail::SuccessResult>();
}

std::string together(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += "\n  " + sentence;
  return text;
}

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
  EXPECT_TRUE(allocations("promises of allocation", histories(), [] {
    const auto history = *anyHistory(kLongest);
    World world(history.schedule);
    const std::string broken = playIn(world, history);
    if (!broken.empty()) RC_FAIL(broken);
  }));
}

TEST_F(HistoryProperty, TheSameHistoryGivesTheSameObjects) {
  EXPECT_TRUE(allocations("same input, same output", histories() / 20, [] {
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
