// SPDX-License-Identifier: Apache-2.0
#include "view/daemon_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace barevip::view {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const model::Lease> lease(const std::string& node, const std::string& renewed) {
  model::Lease lease;
  lease.key = {"barevip-system", "barevip-node-" + node};
  lease.holder = node;
  lease.renewTime = renewed;
  return std::make_shared<const model::Lease>(std::move(lease));
}

TEST(TheWatchOfDaemons, CallsSilentWhoseLeaseDoesNotChangeWhateverItsClockSays) {
  DaemonWatch watch;
  const MonotonicTime start(1h);
  const auto old = lease("b", "1990-01-01T00:00:00Z");
  const auto first = watch.look({old, lease("a", "1")}, start);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].says.name, "a");
  EXPECT_FALSE(first[1].silent) << "it may renew";
  const auto then = watch.look({old, lease("a", "2")}, start + 7001ms);
  EXPECT_FALSE(then[0].silent);
  EXPECT_TRUE(then[1].silent);
  EXPECT_FALSE(watch.look({lease("b", "1990-01-01T00:00:02Z")}, start + 8s)[0].silent);
}

TEST(TheWatchOfDaemons, LeavesOutALeaseWithoutAConsumer) {
  DaemonWatch watch;
  EXPECT_TRUE(watch.look({lease("", "1")}, MonotonicTime(1h)).empty());
}

}  // namespace
}  // namespace barevip::view
