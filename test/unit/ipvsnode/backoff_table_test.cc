// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/apply/backoff_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const MonotonicTime kNow{std::chrono::seconds(1000)};

TEST(BackoffTable, ConcernsTheVipsWhoseChangesWaitAndNoOthers) {
  BackoffTable table;
  EXPECT_THAT(table.concerned().vips, IsEmpty());
  const IpAddress vip = ip("192.0.2.1");
  table.failed("delete a real server", "busy", vip, std::nullopt, kNow);
  table.failed("packet filter", "busy", std::nullopt, std::nullopt, kNow);
  EXPECT_THAT(table.concerned().vips, ElementsAre(vip));
  EXPECT_FALSE(table.concerned().all) << "the packet filter is looked at in any case";
  table.succeeded("delete a real server");
  EXPECT_THAT(table.concerned().vips, IsEmpty());
}

TEST(BackoffTable, ConcernsAllWhileWhatAFamilyNeedsIsRefused) {
  BackoffTable table;
  table.failed("add a rule", "busy", Family::kIpv6, Family::kIpv6, kNow);
  EXPECT_TRUE(table.concerned().all);
}

}  // namespace
}  // namespace barevip::node::test
