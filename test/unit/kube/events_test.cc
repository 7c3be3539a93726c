// SPDX-License-Identifier: Apache-2.0
#include "common/kube/events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verb = FakeApi::Verb;

class EventsTest : public ::testing::Test {
 protected:
  static EventRecorder::Options options() {
    EventRecorder::Options options;
    options.instance = "pod-1";
    options.limit = 4;
    options.pause = milliseconds(0);
    return options;
  }

  void record(const std::string& note) {
    recorder_.emit({kServices,
                    {"shop", "web"},
                    "u1",
                    Event::Type::kWarning,
                    "PoolExhausted",
                    "Allocate",
                    note});
  }
  bool wait(const std::function<bool()>& condition) { return api_.waitFor(condition); }
  bool written(std::uint64_t count) {
    return wait([=, this] { return recorder_.written() == count; });
  }
  [[nodiscard]] json only() const {
    const auto all = api_.objects(kEvents);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? json() : all[0];
  }

  FakeApi api_;
  ManualClock clock_;
  // What interceptors look at: here, since the recorder calls them until it is gone.
  std::atomic<bool> away_ = false;
  std::atomic<int> calls_ = 0;
  EventRecorder recorder_{api_, clock_, options()};
};

TEST_F(EventsTest, AreWhatTheApiWants) {
  recorder_.start();
  record("pool lan has no free address");
  ASSERT_TRUE(written(1));
  json event = only();
  EXPECT_EQ(event["metadata"]["namespace"], "shop");
  EXPECT_EQ(event["metadata"]["name"].get<std::string>().find("web."), 0U);
  for (const char* servers : {"metadata", "apiVersion", "kind"}) event.erase(servers);
  EXPECT_EQ(event, json::parse(R"({
      "eventTime": "2030-01-01T00:00:00.000000Z",
      "reportingController": "barevip.dev/operator", "reportingInstance": "pod-1",
      "action": "Allocate", "reason": "PoolExhausted", "type": "Warning",
      "note": "pool lan has no free address",
      "regarding": {"apiVersion": "v1", "kind": "Service", "namespace": "shop", "name": "web",
                    "uid": "u1"}})"));
}

TEST_F(EventsTest, OfClusterScopedObjectsLiveInDefault) {
  recorder_.start();
  recorder_.emit({kPools, {"", "lan"}, "u2", Event::Type::kNormal, "Ready", "Validate", "fine"});
  ASSERT_TRUE(written(1));
  EXPECT_EQ(only()["metadata"]["namespace"], "default");
  EXPECT_FALSE(only()["regarding"].contains("namespace"));
  EXPECT_EQ(only()["type"], "Normal");
}

TEST_F(EventsTest, CountWhatRepeats) {
  recorder_.start();
  record("full");
  ASSERT_TRUE(written(1));
  for (int i = 0; i < 99; ++i) record("full");
  EXPECT_EQ(recorder_.written(), 1U) << "not more than one write in ten seconds";
  clock_.advance(seconds(10));
  ASSERT_TRUE(written(2));
  EXPECT_EQ(only()["series"]["count"], 100);
  EXPECT_EQ(only()["series"]["lastObservedTime"], "2030-01-01T00:00:00.000000Z");
  EXPECT_EQ(only()["note"], "full");
}

TEST_F(EventsTest, AreSeparateForEachReasonAndNote) {
  recorder_.start();
  record("full");
  record("no pool");
  ASSERT_TRUE(written(2));
  EXPECT_EQ(api_.objects(kEvents).size(), 2U);
}

TEST_F(EventsTest, StartANewOneAfterALongSilence) {
  recorder_.start();
  record("full");
  ASSERT_TRUE(written(1));
  clock_.advance(std::chrono::minutes(7));
  record("full");
  ASSERT_TRUE(written(2));
  EXPECT_EQ(api_.objects(kEvents).size(), 2U);
}

TEST_F(EventsTest, AreNotDoubledWhenAWriteIsRepeated) {
  api_.setInterceptor([&](Verb, const Resource&, const ObjectKey& key) -> std::optional<Error> {
    if (++calls_ == 1) {  // the server has it, the answer is lost
      api_.put(kEvents, {{"metadata", {{"name", key.name}, {"namespace", key.ns}}}});
      return Error{ErrorCode::kUnavailable, "cut", 0, {}};
    }
    return std::nullopt;
  });
  recorder_.start();
  record("full");
  ASSERT_TRUE(wait([&] { return api_.writeCount() == 1; }));
  ASSERT_TRUE(wait([&] {
    clock_.advance(milliseconds(100));
    return recorder_.written() == 1;
  }));
  EXPECT_EQ(api_.objects(kEvents).size(), 1U);
  EXPECT_EQ(recorder_.dropped(), 0U);
}

TEST_F(EventsTest, AreLostAndCountedWhenTheServerRefuses) {
  api_.setInterceptor([](Verb, const Resource&, const ObjectKey&) {
    return std::optional(Error{ErrorCode::kForbidden, "no", 403, {}});
  });
  recorder_.start();
  record("full");
  EXPECT_TRUE(wait([&] { return recorder_.dropped() == 1; }));
  EXPECT_EQ(api_.writeCount(), 1U);
}

TEST_F(EventsTest, AreLostWhenWritesAreNotAllowedAnyMore) {
  api_.setInterceptor([](Verb, const Resource&, const ObjectKey&) {
    return std::optional(Error{ErrorCode::kStopped, "not leading", 0, {}});
  });
  recorder_.start();
  record("full");
  EXPECT_TRUE(wait([&] { return recorder_.dropped() == 1; }));
  EXPECT_EQ(api_.writeCount(), 1U) << "and not tried in a loop";
}

TEST_F(EventsTest, AreGivenUpAfterAFewTries) {
  api_.setInterceptor([](Verb, const Resource&, const ObjectKey&) {
    return std::optional(Error{ErrorCode::kUnavailable, "away", 0, {}});
  });
  recorder_.start();
  record("full");
  EXPECT_TRUE(wait([&] {
    clock_.advance(milliseconds(500));
    return recorder_.dropped() == 1;
  }));
  EXPECT_EQ(api_.writeCount(), 4U);
}

TEST_F(EventsTest, DropTheOldestWhenTooManyWait) {
  for (int i = 0; i < 10; ++i) {
    record("note " + std::to_string(i));
    clock_.advance(milliseconds(1));
  }
  EXPECT_EQ(recorder_.dropped(), 6U);
  recorder_.start();
  ASSERT_TRUE(written(4));
  for (const json& event : api_.objects(kEvents)) {
    EXPECT_GE(event["note"].get<std::string>(), "note 6");
  }
}

TEST_F(EventsTest, OfManyObjectsAtOnceAreWrittenAtAPace) {
  EventRecorder::Options slow = options();
  slow.pause = milliseconds(50);
  EventRecorder recorder(api_, clock_, slow);
  for (const char* note : {"one", "two", "three"}) {
    recorder.emit(
        {kServices, {"shop", "web"}, "u1", Event::Type::kNormal, "Assigned", "Assign", note});
  }
  recorder.start();
  for (std::uint64_t written = 1; written <= 3; ++written) {
    ASSERT_TRUE(wait([&] { return recorder.written() == written; }));
    ASSERT_TRUE(clock_.waitIdle(1));
    EXPECT_EQ(api_.writeCount(), written);
    clock_.advance(milliseconds(50));
  }
}

TEST_F(EventsTest, ThatAreWrittenGiveWayBeforeThoseThatWait) {
  away_ = true;
  api_.setInterceptor([&](Verb, const Resource&, const ObjectKey& key) {
    const bool refused = away_ && key.name.str().starts_with("stuck.");
    return refused ? std::optional(Error{ErrorCode::kUnavailable, "away", 0, {}}) : std::nullopt;
  });
  recorder_.start();
  recorder_.emit(
      {kServices, {"shop", "stuck"}, "u2", Event::Type::kNormal, "Assigned", "Allocate", "waits"});
  ASSERT_TRUE(wait([&] { return api_.writeCount() == 1; }));
  for (std::uint64_t i = 1; i <= 4; ++i) {  // one more than is remembered
    clock_.advance(milliseconds(1));
    record("note " + std::to_string(i));
    ASSERT_TRUE(written(i));
  }
  EXPECT_EQ(recorder_.dropped(), 0U);
  away_ = false;
  clock_.advance(seconds(5));
  EXPECT_TRUE(written(5));
}

TEST_F(EventsTest, NameAnInstanceOfAtMost128Characters) {
  EventRecorder::Options longer = options();
  longer.instance = std::string(200, 'n');
  EventRecorder recorder(api_, clock_, longer);
  recorder.start();
  recorder.emit(
      {kServices, {"shop", "web"}, "u1", Event::Type::kNormal, "Assigned", "Allocate", "done"});
  ASSERT_TRUE(wait([&] { return recorder.written() == 1; }));
  EXPECT_EQ(only()["reportingInstance"], std::string(128, 'n'));
}

TEST_F(EventsTest, AreCutAtTheLimitOfTheApi) {
  recorder_.start();
  std::string note;
  while (note.size() < 2000) note += "\u00e4";
  record("x" + note);
  ASSERT_TRUE(written(1));
  const std::string stored = only()["note"];
  EXPECT_LE(stored.size(), 1024U);
  EXPECT_EQ(stored.back(), '\xa4') << "no half character";
}

}  // namespace
}  // namespace barevip::kube
