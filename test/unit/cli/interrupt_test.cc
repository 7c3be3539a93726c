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

TEST_P(AnInterruption, EndsTheProcessTheSecondTime) {
  const auto interrupted = [] {
    (void)std::signal(GetParam(), SIG_DFL);  // in the background it may be ignored
    const Interrupt interrupt;
    for (int i = 0; i < 2; ++i) {
      ::kill(::getpid(), GetParam());
      // The two must not become one pending signal.
      while (!interrupt.token().stop_requested()) ::usleep(1'000);
    }
    ::sleep(10);
  };
  EXPECT_EXIT(interrupted(), testing::KilledBySignal(GetParam()), "");
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
