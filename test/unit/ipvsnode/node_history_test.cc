// SPDX-License-Identifier: Apache-2.0
// Random histories of three nodes, each looked at with every change of a kernel.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "barevip/base/log.h"

#include "history/node/generate.h"
#include "history/node/world.h"
#include "history/property.h"

namespace barevip::node::history {
namespace {

constexpr std::size_t kLongest = 60;  // events of a history

TEST(NodeHistory, WhateverHappensNodesKeepTheRules) {
  log::setLevel(log::Level::kError);
  EXPECT_TRUE(barevip::history::holds("rules of nodes", barevip::history::histories(), [] {
    const auto history = *anyHistory(kLongest);
    const std::vector<std::string> broken = World(history).play();
    if (!broken.empty()) RC_FAIL(barevip::history::together(broken));
  }));
}

}  // namespace
}  // namespace barevip::node::history
