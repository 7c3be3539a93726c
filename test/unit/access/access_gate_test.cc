// SPDX-License-Identifier: Apache-2.0
#include "common/access/access_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fakes/manual_clock.h"
#include "unit/access/reviewing_api.h"

namespace barevip::access {
namespace {

using namespace std::chrono_literals;

class AccessGateTest : public testing::Test {
 protected:
  AccessGateTest() {
    gate_.setOnVerdict([this] {
      const std::lock_guard lock(mutex_);
      ++verdicts_;
      wake_.notify_all();
    });
    api_.know("good", "prometheus", true);
    api_.know("poor", "curious", false);
  }
  /// The verdict, when there is one; -1 after a minute.
  int ask(const std::string& token) {
    std::unique_lock lock(mutex_);
    int status = -1;
    wake_.wait_for(lock, 1min, [&] {
      const auto verdict = gate_.ask(token);
      if (verdict) status = verdict->status;
      return verdict.has_value();
    });
    return status;
  }
  void waitUntilAsked(std::size_t tokens) {
    const auto end = std::chrono::steady_clock::now() + 1min;
    while (api_.tokensAsked() < tokens && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(1ms);
    }
    ASSERT_EQ(api_.tokensAsked(), tokens);
  }

  std::vector<std::string> tokensAsked() {
    std::vector<std::string> tokens;
    for (const auto& spec : api_.specs()) {
      if (spec.contains("token")) tokens.push_back(spec.at("token"));
    }
    return tokens;
  }

  ManualClock clock_;
  ReviewingApi api_;
  std::mutex mutex_;
  std::condition_variable wake_;
  int verdicts_ = 0;
  AccessGate gate_{api_, clock_, "/metrics"};
};

TEST_F(AccessGateTest, DecidesAsTheApiServerDoes) {
  EXPECT_EQ(ask("good"), 200);
  EXPECT_EQ(ask("poor"), 403);
  EXPECT_EQ(ask("forged"), 401);
}

TEST_F(AccessGateTest, AsksNobodyAboutWhatIsNoToken) {
  for (const std::string text : {"", "two words", "umlaut \xc3\xa4", "line\nend"}) {
    EXPECT_EQ(gate_.ask(text).value().status, 401) << text;
  }
  EXPECT_EQ(api_.tokensAsked(), 0U);
}

TEST_F(AccessGateTest, RemembersAnAnswerForAWhile) {
  ask("good");
  ask("good");
  clock_.advance(AccessGate::kAdmitted - 1s);
  EXPECT_EQ(ask("good"), 200);
  EXPECT_EQ(api_.tokensAsked(), 1U);
}

TEST_F(AccessGateTest, SeesWithinThatTimeThatARightWasTakenAway) {
  ask("good");
  api_.know("good", "prometheus", false);
  clock_.advance(AccessGate::kAdmitted);
  EXPECT_EQ(ask("good"), 403);
}

TEST_F(AccessGateTest, SeesEarlierThatARightWasGiven) {
  ask("poor");
  api_.know("poor", "curious", true);
  clock_.advance(AccessGate::kRefused);
  EXPECT_EQ(ask("poor"), 200);
}

TEST_F(AccessGateTest, LetsNobodyInWhileTheApiServerIsAway) {
  api_.fault = [] { return Error{ErrorCode::kUnavailable, "no connection", 0, {}}; };
  EXPECT_EQ(ask("good"), 503);
  api_.fault = [] { return std::nullopt; };
  clock_.advance(AccessGate::kUnanswered);
  EXPECT_EQ(ask("good"), 200);
}

TEST_F(AccessGateTest, EndsAQuestionWithoutAnAnswerAndAllThatWaitBehindIt) {
  api_.hold();
  EXPECT_EQ(gate_.ask("good"), std::nullopt);
  EXPECT_EQ(gate_.ask("poor"), std::nullopt);
  waitUntilAsked(1);
  ASSERT_TRUE(clock_.waitIdle(1));
  clock_.advance(AccessGate::kReviewTime);
  EXPECT_EQ(ask("good"), 503);
  EXPECT_EQ(ask("poor"), 503);
  EXPECT_EQ(api_.tokensAsked(), 1U);
}

TEST_F(AccessGateTest, AsksOnceAboutATokenThatManyWaitFor) {
  api_.hold();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gate_.ask("good"), std::nullopt);
  api_.release();
  EXPECT_EQ(ask("good"), 200);
  EXPECT_EQ(api_.tokensAsked(), 1U);
}

TEST_F(AccessGateTest, RefusesTokensBeyondThoseThatMayWaitButNoneThatWasAdmitted) {
  ask("good");
  clock_.advance(AccessGate::kAdmitted);
  api_.hold();
  EXPECT_EQ(gate_.ask("first"), std::nullopt);
  waitUntilAsked(2);
  for (std::size_t i = 0; i < AccessGate::kMostQuestions; ++i) {
    EXPECT_EQ(gate_.ask("guess" + std::to_string(i)), std::nullopt);
  }
  EXPECT_EQ(gate_.ask("one-too-many").value().status, 503);
  EXPECT_EQ(gate_.ask("good"), std::nullopt);
  api_.release();
  EXPECT_EQ(ask("good"), 200);
}

TEST_F(AccessGateTest, AsksFirstAboutATokenThatWasAdmitted) {
  ask("good");
  clock_.advance(AccessGate::kAdmitted);
  api_.hold();
  EXPECT_EQ(gate_.ask("first"), std::nullopt);
  waitUntilAsked(2);
  EXPECT_EQ(gate_.ask("second"), std::nullopt);
  EXPECT_EQ(gate_.ask("good"), std::nullopt);
  api_.release();
  EXPECT_EQ(ask("second"), 401);
  EXPECT_THAT(tokensAsked(), testing::ElementsAre("good", "first", "good", "second"));
}

TEST_F(AccessGateTest, AsksFirstAboutATokenThatWasAdmittedBeforeTheApiServerWentAway) {
  ask("good");
  clock_.advance(AccessGate::kAdmitted);
  api_.fault = [] { return Error{ErrorCode::kUnavailable, "no connection", 0, {}}; };
  EXPECT_EQ(ask("good"), 503);
  api_.fault = [] { return std::nullopt; };
  clock_.advance(AccessGate::kUnanswered);
  api_.hold();
  EXPECT_EQ(gate_.ask("first"), std::nullopt);
  waitUntilAsked(3);
  EXPECT_EQ(gate_.ask("second"), std::nullopt);
  EXPECT_EQ(gate_.ask("good"), std::nullopt);
  api_.release();
  EXPECT_EQ(ask("second"), 401);
  EXPECT_THAT(tokensAsked(), testing::ElementsAre("good", "good", "first", "good", "second"));
}

TEST_F(AccessGateTest, TellsTheReasonToTheLogAloneAndNotForEachQuestion) {
  api_.fault = [] { return Error{ErrorCode::kForbidden, "no right to tokenreviews", 403, {}}; };
  testing::internal::CaptureStderr();
  for (const std::chrono::seconds pause :
       {0s, AccessGate::kUnanswered, AccessGate::kLogPause - AccessGate::kUnanswered}) {
    clock_.advance(pause);
    EXPECT_EQ(ask("good"), 503);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("no right to tokenreviews"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
  EXPECT_EQ(gate_.ask("good").value().sentence,
            "the API server does not say who may get this: try again later\n");
}

TEST_F(AccessGateTest, RemembersWhoWasAdmittedHoweverManyTokensAreTried) {
  ask("good");
  for (std::size_t i = 0; i < 2 * AccessGate::kMostAnswers; ++i) {
    EXPECT_EQ(ask("guess" + std::to_string(i)), 401);
  }
  const std::size_t before = api_.tokensAsked();
  EXPECT_EQ(ask("good"), 200);
  EXPECT_EQ(api_.tokensAsked(), before);
}

TEST(AccessGateEnd, ComesWhileAQuestionIsWithoutAnAnswer) {
  const ManualClock clock;
  ReviewingApi api;
  api.hold();
  AccessGate gate(api, clock, "/metrics");
  EXPECT_EQ(gate.ask("good"), std::nullopt);
}

}  // namespace
}  // namespace barevip::access
