// SPDX-License-Identifier: Apache-2.0
#include "common/kube/failing_writes.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using namespace std::chrono_literals;

const ObjectKey kWeb{"default", "web"};
const ObjectKey kOther{"default", "other"};
const Error kRefused{ErrorCode::kUnavailable, "the webhook does not answer", 500, {}};

class FailingWritesTest : public testing::Test {
 protected:
  ManualClock clock_;
  FailingWrites writes_{clock_};
};

TEST_F(FailingWritesTest, WhatFailsForLongIsReportedAndWhatPassesIsNot) {
  EXPECT_FALSE(writes_.failed(kWeb, kRefused));
  clock_.advance(FailingWrites::kPatience - 1s);
  EXPECT_FALSE(writes_.failed(kWeb, kRefused));
  EXPECT_FALSE(writes_.failed(kOther, kRefused));
  clock_.advance(1s);
  EXPECT_TRUE(writes_.failed(kWeb, kRefused));
  EXPECT_FALSE(writes_.failed(kOther, kRefused)) << "each object for itself";
}

TEST_F(FailingWritesTest, AWriteThatSucceedsBeginsAnew) {
  writes_.failed(kWeb, kRefused);
  clock_.advance(FailingWrites::kPatience);
  writes_.succeeded(kWeb);
  EXPECT_FALSE(writes_.failed(kWeb, kRefused));
}

TEST_F(FailingWritesTest, WhoLosesAgainstAnotherWriterOrIsStoppedDoesNotFail) {
  for (const ErrorCode code : {ErrorCode::kConflict, ErrorCode::kStopped}) {
    writes_.failed(kWeb, {code, "", 0, {}});
    clock_.advance(FailingWrites::kPatience);
    EXPECT_FALSE(writes_.failed(kWeb, {code, "", 0, {}}));
  }
}

}  // namespace
}  // namespace barevip::kube
