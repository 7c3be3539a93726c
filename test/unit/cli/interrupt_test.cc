// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>

namespace barevip::cli {
namespace {

class AnInterruption : public testing::TestWithParam<int> {};

TEST_P(AnInterruption, SetsTheTokenAndEndsNothing) {
  const Interrupt interrupt;
  const std::stop_token token = interrupt.token();
  EXPECT_FALSE(token.stop_requested());
  ASSERT_EQ(::kill(::getpid(), GetParam()), 0);
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, token, std::chrono::seconds(10), [] { return false; });
  EXPECT_TRUE(token.stop_requested());
}

INSTANTIATE_TEST_SUITE_P(Signals, AnInterruption, testing::Values(SIGINT, SIGTERM));

TEST(TheEndOfInterruptions, LeavesTheSignalsAsTheyWere) {
  { const Interrupt interrupt; }
  sigset_t now{};
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &now), 0);
  EXPECT_EQ(sigismember(&now, SIGINT), 0);
}

}  // namespace
}  // namespace barevip::cli
