// SPDX-License-Identifier: Apache-2.0
#include "common/kube/events.h"

#include <gtest/gtest.h>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

Event waiting(const std::string& note = "the pool is full") {
  return {kServices,       {"shop", "web"}, "uid-1", Event::Type::kWarning,
          "PoolExhausted", "Assign",        note};
}

class EventsTest : public testing::Test {
 protected:
  void SetUp() override { recorder_.start(); }

  bool becomes(std::size_t events, std::uint64_t series) {
    return api_.waitFor([&] {
      const auto all = api_.objects(kEvents);
      if (all.size() != events) return false;
      std::uint64_t most = 0;
      for (const auto& event : all) {
        if (event.contains("series"))
          most = std::max(most, event["series"].value("count", std::uint64_t{0}));
      }
      return most == series;
    });
  }

  FakeApi api_;
  ManualClock clock_;
  EventRecorder recorder_{api_, clock_, "barevip.dev/operator", "pod-1"};
};

TEST_F(EventsTest, AnEventNamesItsObjectReasonAndReporter) {
  recorder_.emit(waiting());
  ASSERT_TRUE(becomes(1, 0));
  const auto event = api_.objects(kEvents).front();
  EXPECT_EQ(event["regarding"]["name"], "web");
  EXPECT_EQ(event["regarding"]["kind"], "Service");
  EXPECT_EQ(event["metadata"]["namespace"], "shop");
  EXPECT_EQ(event["reason"], "PoolExhausted");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reportingController"], "barevip.dev/operator");
}

TEST_F(EventsTest, TheSameAgainIsACountWrittenOnceInAWhile) {
  recorder_.emit(waiting());
  ASSERT_TRUE(becomes(1, 0));
  for (int i = 0; i < 4; ++i) recorder_.emit(waiting());
  recorder_.emit(waiting("another note"));
  ASSERT_TRUE(becomes(2, 0));
  clock_.advance(EventRecorder::kSeriesPeriod);
  EXPECT_TRUE(becomes(2, 5));
  EXPECT_EQ(api_.writeCount(), 3U);
}

TEST_F(EventsTest, ARestartedProcessCountsOnItsPredecessorsEvent) {
  recorder_.emit(waiting());
  ASSERT_TRUE(becomes(1, 0));
  EventRecorder next(api_, clock_, "barevip.dev/operator", "pod-2");
  next.start();
  next.emit(waiting());
  EXPECT_TRUE(becomes(1, 2));
}

TEST_F(EventsTest, ARefusedEventIsDroppedAndTheNextIsWritten) {
  std::atomic<bool> refuse = true;
  api_.setInterceptor([&](auto, const auto&, const auto&) -> std::optional<Error> {
    if (!refuse) return std::nullopt;
    return Error{ErrorCode::kForbidden, "no", 403, {}};
  });
  recorder_.emit(waiting());
  while (recorder_.dropped() == 0) std::this_thread::yield();
  refuse = false;
  recorder_.emit(waiting("another note"));
  EXPECT_TRUE(becomes(1, 0));
}

}  // namespace
}  // namespace barevip::kube
