// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_optional.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "fakes/fake_packet_filter.h"

namespace barevip::host {
namespace {

class OptionalPacketFilterTest : public ::testing::Test {
 protected:
  OptionalPacketFilterTest()
      : OptionalPacketFilterTest(std::make_unique<fakes::FakePacketFilter>()) {}
  explicit OptionalPacketFilterTest(std::unique_ptr<fakes::FakePacketFilter> kernel)
      : rules(*kernel), filter(std::move(kernel), "nothing depends on it") {}

  const net::FilterState one{{*IpAddress::parse("192.0.2.9")}, {}, {}, {}};
  fakes::FakePacketFilter& rules;
  OptionalPacketFilter filter;
};

TEST_F(OptionalPacketFilterTest, WritesWhatIsDesired) {
  EXPECT_GT(filter.reconcile({}).value_or(0), 0U);
  EXPECT_GT(filter.update(one).value_or(0), 0U);
  EXPECT_EQ(rules.state(), one);
}

TEST_F(OptionalPacketFilterTest, AFailureIsNoneAndEachReconcileTriesAgain) {
  rules.setError(Error{ErrorCode::kTimeout, "nft did not end"});
  EXPECT_EQ(filter.reconcile({}), 0U);
  rules.setError(std::nullopt);
  EXPECT_EQ(filter.update(one), 0U);
  EXPECT_FALSE(rules.state()) << "a change waits for the next reconcile";
  EXPECT_GT(filter.reconcile(one).value_or(0), 0U);
  EXPECT_EQ(rules.state(), one);
}

TEST_F(OptionalPacketFilterTest, AStopIsAStop) {
  rules.setError(Error{ErrorCode::kStopped, "the program ends"});
  EXPECT_FALSE(filter.reconcile({}));
}

}  // namespace
}  // namespace barevip::host
