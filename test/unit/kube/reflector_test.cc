// SPDX-License-Identifier: Apache-2.0
#include "common/kube/reflector.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/kube/forwarding_api.h"
#include "common/model/meta_json.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verb = FakeApi::Verb;

struct Thing {
  ObjectKey key;
  std::string value;

  friend bool operator==(const Thing&, const Thing&) = default;
};

Result<Thing> decode(const json& object) {
  auto meta = model::decodeMeta(object, "Pool", false);
  if (!meta) return tl::make_unexpected(meta.error());
  if (object.contains("throw")) throw std::runtime_error("a decoder with a bug");
  if (!object.contains("value")) return fail(ErrorCode::kInvalid, meta->key.name + " has no value");
  return Thing{meta->key, object["value"]};
}

// Whether the server streams lists.
class ReflectorTest : public ::testing::TestWithParam<bool> {
 protected:
  ReflectorTest() {
    if (!GetParam()) api_.refuseStreamedLists();
    store_.addHandler([this](const Store<Thing>::Ptr& before, const Store<Thing>::Ptr& after) {
      const std::lock_guard lock(mutex_);
      const auto text = [](const Store<Thing>::Ptr& one) { return one ? one->value : "-"; };
      seen_.push_back((after ? after : before)->key.name + ":" + text(before) + ">" + text(after));
    });
    api_.setInterceptor([this](Verb verb, const Resource&, const ObjectKey&) {
      if (verb == Verb::kList) ++lists_;
      if (verb == Verb::kWatch) ++watches_;
      const std::lock_guard lock(mutex_);
      return verb == Verb::kList ? listError_ : watchError_;
    });
  }
  ~ReflectorTest() override { reflector_.stop(); }

  void put(const std::string& name, const std::string& value) {
    api_.put(kPools, {{"metadata", {{"name", name}}}, {"value", value}});
  }
  void startWatching() {
    reflector_.start();
    ASSERT_TRUE(watching());
  }
  bool watching() {
    return api_.waitFor([this] { return api_.runningWatches() == 1; });
  }
  void cut() {
    api_.cutWatches();
    ASSERT_TRUE(api_.waitFor([this] { return api_.runningWatches() == 0; }));
  }
  bool shows(const std::string& name, const std::string& value) {
    return api_.waitFor([&] {
      const auto thing = store_.get({"", name});
      return thing ? thing->value == value : value.empty();
    });
  }
  // Moves the clock in steps until the condition holds; the time that it took.
  std::optional<milliseconds> advanceUntil(const std::function<bool()>& condition,
                                           milliseconds step = milliseconds(100)) {
    milliseconds total{0};
    const bool met = api_.waitFor([&] {
      if (condition()) return true;
      // While a watch runs the time that passes is the threads' own.
      if (clock_.idle() == 1 && total < std::chrono::minutes(5)) {
        clock_.advance(step);
        total += step;
      }
      return false;
    });
    if (met) return total;
    return std::nullopt;
  }
  void failLists(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    listError_ = std::move(error);
  }
  void failWatches(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    watchError_ = std::move(error);
  }
  std::vector<std::string> takeSeen() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen_, {});
  }

  using Seen = std::vector<std::string>;

  FakeApi api_;
  ManualClock clock_;
  Store<Thing> store_;
  std::mutex mutex_;
  Seen seen_;
  std::optional<Error> listError_;
  std::optional<Error> watchError_;
  std::atomic<int> lists_ = 0;
  std::atomic<int> watches_ = 0;
  Reflector reflector_{api_,
                       clock_,
                       kPools,
                       {},
                       std::make_unique<StoreSink<Thing>>(store_, decode),
                       [] { return 0.0; }};
};

// Streams what a test says instead of a list; all else as usual.
class ScriptedLists final : public ForwardingApi {
 public:
  using Script = std::function<Result<void>(const OnEvent&)>;

  ScriptedLists(Api& next, Script script) : ForwardingApi(next), script_(std::move(script)) {}

  Result<void> watch(const Resource& resource, const Selection& selection,
                     const std::string& resourceVersion, const OnEvent& onEvent,
                     std::stop_token stop) override {
    if (!resourceVersion.empty()) {
      return ForwardingApi::watch(resource, selection, resourceVersion, onEvent, std::move(stop));
    }
    onEvent(WatchEvent::Type::kOpened, nullptr);
    return script_(onEvent);
  }

 private:
  Result<void> around(const Request&, const Send& send) override { return send(); }

  Script script_;
};

// The reflector asks it for lists.
class StreamedListTest : public ReflectorTest {
 protected:
  using Type = WatchEvent::Type;

  void startWith(ScriptedLists::Script script) {
    scripted_.emplace(api_, std::move(script));
    streaming_.emplace(*scripted_, clock_, kPools, Selection{},
                       std::make_unique<StoreSink<Thing>>(store_, decode), [] { return 0.0; });
    streaming_->start();
  }
  void expectPagesAfter(Result<void> end) {
    put("a", "1");
    startWith([end = std::move(end)](const Api::OnEvent& tell) {
      tell(Type::kAdded, thing("old", "1"));
      return end;
    });
    const auto pause = advanceUntil([this] { return store_.synced(); });
    ASSERT_TRUE(pause);
    EXPECT_GE(*pause, milliseconds(700));
    EXPECT_EQ(store_.size(), 1U) << "half a list is none";
    EXPECT_TRUE(shows("a", "1"));
    EXPECT_EQ(lists_, 1);
    ASSERT_TRUE(api_.waitFor([this] { return watches_ == 1; })) << "it watches from the list on";
    EXPECT_EQ(streaming_->stats().watches, 2U) << "it is not asked for a stream again";
  }
  static json thing(const std::string& name, const std::string& value) {
    return {{"metadata", {{"name", name}}}, {"value", value}};
  }

  std::optional<ScriptedLists> scripted_;
  std::optional<Reflector> streaming_;
};

INSTANTIATE_TEST_SUITE_P(Lists, StreamedListTest, ::testing::Values(true));

const Error kRefused{ErrorCode::kUnavailable, "connection refused", 111, {}};

INSTANTIATE_TEST_SUITE_P(Lists, ReflectorTest, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Streamed" : "InPages"; });

TEST_P(ReflectorTest, FillsTheStoreAndFollowsChanges) {
  put("a", "1");
  put("b", "1");
  startWatching();
  EXPECT_TRUE(store_.synced());
  EXPECT_EQ(takeSeen(), (Seen{"a:->1", "b:->1"}));
  put("a", "2");
  api_.erase(kPools, {"", "b"});
  put("c", "1");
  EXPECT_TRUE(shows("c", "1"));
  EXPECT_EQ(takeSeen(), (Seen{"a:1>2", "b:1>-", "c:->1"}));
  EXPECT_EQ(lists_, 1);
}

TEST_P(ReflectorTest, TakesACutWatchUpWhereItWas) {
  startWatching();
  put("a", "1");
  ASSERT_TRUE(shows("a", "1"));
  failWatches(kRefused);
  cut();
  put("a", "2");
  put("b", "1");
  failWatches(std::nullopt);
  ASSERT_TRUE(advanceUntil([this] { return store_.size() == 2; }));
  EXPECT_TRUE(shows("a", "2"));
  EXPECT_EQ(lists_, 1) << "nothing was missed, so nothing is listed again";
}

TEST_P(ReflectorTest, WatchesOnAfterTheServersTimeout) {
  startWatching();
  clock_.advance(seconds(300));
  api_.endWatches();
  ASSERT_TRUE(api_.waitFor([this] { return watches_ == 2; }));
  put("a", "1");
  EXPECT_TRUE(shows("a", "1"));
  EXPECT_EQ(lists_, 1);
}

TEST_P(ReflectorTest, ListsAgainWhenItsVersionIsTooOld) {
  put("gone", "1");
  put("same", "1");
  startWatching();
  takeSeen();
  failWatches(kRefused);
  cut();
  api_.erase(kPools, {"", "gone"});
  put("new", "1");
  api_.expire();
  failWatches(std::nullopt);
  ASSERT_TRUE(advanceUntil([this] { return store_.get({"", "new"}) != nullptr; }));
  EXPECT_EQ(takeSeen(), (Seen{"gone:1>-", "new:->1"})) << "the difference, not the whole";
  EXPECT_EQ(lists_, 2);
}

TEST_P(ReflectorTest, ListsAgainAtOnceWhenARunningWatchExpires) {
  startWatching();
  clock_.advance(seconds(60));
  api_.expire();
  ASSERT_TRUE(api_.waitFor([this] { return lists_ == 2 && api_.runningWatches() == 1; }));
  put("a", "1");
  EXPECT_TRUE(shows("a", "1"));
}

TEST_P(ReflectorTest, DoesNotListInALoopWhenVersionsExpireAtOnce) {
  failWatches(Error{ErrorCode::kExpired, "too old", 410, {}});
  reflector_.start();
  ASSERT_TRUE(api_.waitFor([this] { return watches_ == 1; }));
  EXPECT_EQ(lists_, 1);
  ASSERT_TRUE(advanceUntil([this] { return lists_ == 2; }));
}

TEST_P(ReflectorTest, ResumesFromABookmark) {
  startWatching();
  api_.put(kNodes, {{"metadata", {{"name", "n"}}}});  // moves the version, not this kind
  clock_.advance(seconds(1));
  api_.sendBookmarks();
  ASSERT_TRUE(api_.waitFor([this] { return reflector_.lastContact() == clock_.now(); }));
  failWatches(kRefused);
  cut();
  api_.expire();  // all versions before the bookmark's
  failWatches(std::nullopt);
  ASSERT_TRUE(advanceUntil([this] { return api_.runningWatches() == 1; }));
  EXPECT_EQ(lists_, 1);
  EXPECT_EQ(reflector_.stats().events, 0U);
}

TEST_P(ReflectorTest, TellsHowFarTheStoreIs) {
  put("a", "1");
  EXPECT_EQ(store_.version(), "");
  startWatching();
  const int listed = std::stoi(store_.version());
  api_.erase(kPools, {"", "a"});
  EXPECT_TRUE(api_.waitFor([&] { return store_.version() == std::to_string(listed + 1); }));
  EXPECT_EQ(store_.size(), 0U);
  api_.put(kPools, {{"metadata", {{"name", "undecodable"}}}});
  EXPECT_TRUE(api_.waitFor([&] { return store_.version() == std::to_string(listed + 2); }));
  api_.put(kNodes, {{"metadata", {{"name", "n"}}}});
  api_.sendBookmarks();
  EXPECT_TRUE(api_.waitFor([&] { return store_.version() == std::to_string(listed + 3); }));
}

TEST_P(ReflectorTest, WaitsLongerEachTimeTheServerIsAway) {
  failLists(kRefused);
  reflector_.start();
  ASSERT_TRUE(api_.waitFor([this] { return lists_ == 1; }));
  std::vector<milliseconds> pauses;
  for (int i = 2; i <= 8; ++i) {
    const auto pause = advanceUntil([this, i] { return lists_ >= i; });
    ASSERT_TRUE(pause);
    pauses.push_back(*pause);
  }
  EXPECT_LE(pauses[0], milliseconds(900));
  EXPECT_GE(pauses[3], milliseconds(6300));
  EXPECT_GE(pauses[6], milliseconds(9'900));
  EXPECT_LE(pauses[6], milliseconds(10'100)) << "once it is back, it is found soon";
  EXPECT_FALSE(store_.synced());
}

TEST_P(ReflectorTest, AsksAServerThatIsStartingSoonAgain) {
  failLists(kRefused);
  reflector_.start();
  ASSERT_TRUE(advanceUntil([this] { return lists_ >= 7; }));
  ASSERT_TRUE(clock_.waitIdle(1));
  failLists(Error{ErrorCode::kThrottled, "storage is (re)initializing", 429, seconds(1)});
  ASSERT_TRUE(advanceUntil([this] { return lists_ >= 8; }));
  const auto pause = advanceUntil([this] { return lists_ >= 9; });
  ASSERT_TRUE(pause);
  EXPECT_LE(*pause, milliseconds(1'100));
}

TEST_P(ReflectorTest, KeepsTheLastStateWhileTheServerIsAway) {
  put("a", "1");
  startWatching();
  failLists(kRefused);
  failWatches(kRefused);
  cut();
  ASSERT_TRUE(advanceUntil([this] { return watches_ >= 4; }));
  EXPECT_TRUE(store_.synced());
  EXPECT_EQ(store_.size(), 1U);
}

TEST_P(ReflectorTest, WaitsAsLongAsAThrottlingServerSays) {
  failLists(Error{ErrorCode::kThrottled, "too many", 429, seconds(20)});
  reflector_.start();
  ASSERT_TRUE(api_.waitFor([this] { return lists_ == 1; }));
  const auto pause = advanceUntil([this] { return lists_ == 2; });
  ASSERT_TRUE(pause);
  EXPECT_GE(*pause, milliseconds(19'900));
}

TEST_P(ReflectorTest, ListsAgainWhenItsVersionIsRefusedAgainAndAgain) {
  startWatching();
  failWatches(Error{ErrorCode::kTimeout, "Too large resource version: 999, current: 5", 504, {}});
  cut();
  ASSERT_TRUE(advanceUntil([this] { return lists_ == 2; }));
  EXPECT_LE(watches_, 5);
}

TEST_P(ReflectorTest, DoesNotAskInALoopWhenWatchesEndAtOnce) {
  startWatching();
  for (int i = 2; i < 5; ++i) {
    api_.endWatches();  // no time passed
    ASSERT_TRUE(api_.waitFor([this] { return api_.runningWatches() == 0; }));
    const auto pause =
        advanceUntil([this, i] { return watches_ == i && api_.runningWatches() == 1; });
    ASSERT_TRUE(pause);
    EXPECT_GE(*pause, milliseconds(700));
  }
}

TEST_P(ReflectorTest, TakesASilentWatchUpAtOnce) {
  startWatching();
  for (int i = 2; i < 6; ++i) {
    clock_.advance(seconds(90));
    api_.failWatches({ErrorCode::kTimeout, "silent for too long", ETIMEDOUT, {}});
    ASSERT_TRUE(api_.waitFor([this, i] { return watches_ == i && api_.runningWatches() == 1; }))
        << "without a pause";
  }
  EXPECT_EQ(lists_, 5) << "what a proxy held back is seen";
}

TEST_P(ReflectorTest, ListsAgainWhenOpenWatchesFailAgainAndAgainWithoutProgress) {
  startWatching();
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(lists_, 1);
    api_.failWatches({ErrorCode::kUnavailable, "cannot decode an event", 500, {}});
    ASSERT_TRUE(api_.waitFor([this] { return api_.runningWatches() == 0; }));
    ASSERT_TRUE(
        advanceUntil([this, i] { return watches_ == i + 1 && api_.runningWatches() == 1; }));
  }
  EXPECT_EQ(lists_, 2);
}

TEST_P(ReflectorTest, DoesNotListAgainWhenWatchesFailThatMadeProgressOrLived) {
  startWatching();
  for (int i = 1; i <= 6; ++i) {
    if (i % 2 == 0) {
      clock_.advance(seconds(11));
    } else {
      put("a", std::to_string(i));
      ASSERT_TRUE(shows("a", std::to_string(i)));
    }
    api_.failWatches({ErrorCode::kUnavailable, "going away", 503, {}});
    ASSERT_TRUE(api_.waitFor([this] { return api_.runningWatches() == 0; }));
    ASSERT_TRUE(
        advanceUntil([this, i] { return watches_ == i + 1 && api_.runningWatches() == 1; }));
  }
  EXPECT_EQ(lists_, 1);
}

TEST_P(ReflectorTest, ListsLessAndLessOftenWhileWatchesFail) {
  startWatching();
  std::vector<milliseconds> pauses;
  for (int i = 1; i <= 9; ++i) {
    api_.failWatches({ErrorCode::kUnavailable, "cannot decode an event", 500, {}});
    ASSERT_TRUE(api_.waitFor([this] { return api_.runningWatches() == 0; }));
    const auto pause =
        advanceUntil([this, i] { return watches_ == i + 1 && api_.runningWatches() == 1; });
    ASSERT_TRUE(pause);
    pauses.push_back(*pause);
  }
  EXPECT_EQ(lists_, 4);
  EXPECT_LE(pauses[0], milliseconds(900));
  EXPECT_GE(pauses[8], milliseconds(29'000)) << "a list that succeeds does not start it over";
}

TEST_P(ReflectorTest, WaitsShortlyAgainAfterAListOrAWatchThatWorked) {
  failLists(kRefused);
  reflector_.start();
  ASSERT_TRUE(advanceUntil([this] { return lists_ == 6; }));
  failLists(std::nullopt);
  ASSERT_TRUE(advanceUntil([this] { return api_.runningWatches() == 1; }));
  const auto pauseAfterCut = [this] {
    const int before = watches_;
    cut();
    return advanceUntil(
        [this, before] { return watches_ == before + 1 && api_.runningWatches() == 1; });
  };
  EXPECT_LE(pauseAfterCut(), milliseconds(900)) << "after the list";
  EXPECT_GE(pauseAfterCut(), milliseconds(1'500));
  clock_.advance(seconds(11));
  EXPECT_LE(pauseAfterCut(), milliseconds(900)) << "after a watch that lived";
}

TEST_P(ReflectorTest, WaitsLongerEachTimeAListExpires) {
  failLists(Error{ErrorCode::kExpired, "too old", 410, {}});
  reflector_.start();
  ASSERT_TRUE(api_.waitFor([this] { return lists_ == 1; }));
  for (int i = 2; i <= 5; ++i) {
    const auto pause = advanceUntil([this, i] { return lists_ == i; });
    ASSERT_TRUE(pause);
    EXPECT_GE(*pause, milliseconds(700) * (1 << (i - 2)));
  }
}

TEST_P(ReflectorTest, LeavesOutWhatItCannotDecode) {
  put("a", "1");
  api_.put(kPools, {{"metadata", {{"name", "odd"}}}});
  api_.put(kPools, {{"metadata", {{"name", "worse"}}}, {"throw", 1}});
  startWatching();
  EXPECT_EQ(store_.size(), 1U);
  api_.put(kPools, {{"metadata", {{"name", "a"}}}});
  put("b", "1");
  ASSERT_TRUE(shows("b", "1"));
  EXPECT_TRUE(shows("a", "1")) << "its last good state stays";
  EXPECT_EQ(reflector_.stats().undecodable, 3U);
}

TEST_P(ReflectorTest, ForgetsAnUndecodableObjectThatIsDeleted) {
  put("a", "1");
  startWatching();
  api_.put(kPools, {{"metadata", {{"name", "a"}}}});
  api_.erase(kPools, {"", "a"});
  EXPECT_TRUE(shows("a", ""));
}

TEST_P(ReflectorTest, KeepsWhatIsWantedAlone) {
  Store<Thing> kept;
  Reflector choosy(api_, clock_, kPools, {},
                   std::make_unique<StoreSink<Thing>>(
                       kept, decode, [](const Thing& thing) { return thing.value != "no"; }),
                   [] { return 0.0; });
  put("a", "1");
  put("b", "no");
  choosy.start();
  ASSERT_TRUE(watching());
  EXPECT_TRUE(kept.get({"", "a"}));
  EXPECT_FALSE(kept.get({"", "b"}));
  put("a", "no");
  put("b", "2");
  EXPECT_TRUE(api_.waitFor([&] { return kept.get({"", "b"}) && !kept.get({"", "a"}); }));
}

// Has room again.
class ThingsLeftOut final : public ObjectSink {
 public:
  explicit ThingsLeftOut(std::atomic<bool>& wantsList) : wantsList_(wantsList) {}

  void listStarted() override { wantsList_ = false; }
  Result<void> listed(const json& /*object*/) override { return {}; }
  void unlisted(const ObjectKey& /*key*/) override {}
  void listFinished() override {}
  Result<void> put(const json& /*object*/) override { return {}; }
  void erase(const ObjectKey& /*key*/) override {}
  void reached(const std::string& /*version*/) override {}
  [[nodiscard]] bool wantsList() const override { return wantsList_; }

 private:
  std::atomic<bool>& wantsList_;
};

TEST_P(ReflectorTest, ListsAgainForWhatWasLeftOutWhenTheServerEndsTheWatch) {
  std::atomic<bool> wantsList = false;
  Reflector reflector(api_, clock_, kPools, {}, std::make_unique<ThingsLeftOut>(wantsList),
                      [] { return 0.0; });
  reflector.start();
  ASSERT_TRUE(watching());
  wantsList = true;
  put("a", "1");
  ASSERT_TRUE(api_.waitFor([&] { return reflector.stats().events == 1; }));
  EXPECT_EQ(reflector.stats().lists, 1U) << "no tenant decides how often everything is listed";
  clock_.advance(seconds(300));
  api_.endWatches();
  EXPECT_TRUE(api_.waitFor([&] { return reflector.stats().lists == 2; }));
  EXPECT_FALSE(wantsList);
}

class OptionalReflectorTest : public ReflectorTest {
 protected:
  bool hasAsked(int times) {
    return api_.waitFor([&] { return lists_ == times; });
  }
  bool waits() {
    return api_.waitFor([this] { return clock_.idle() == 1; });
  }

  Reflector optional_{api_,
                      clock_,
                      kPools,
                      {},
                      std::make_unique<StoreSink<Thing>>(store_, decode),
                      [] { return 0.0; },
                      Presence::kOptional};
};

const Error kUnknownResource{ErrorCode::kNotFound, "404 page not found", 404, {}};

INSTANTIATE_TEST_SUITE_P(Lists, OptionalReflectorTest, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Streamed" : "InPages"; });

TEST_P(OptionalReflectorTest, AResourceThatTheServerDoesNotHaveIsAnEmptyList) {
  failLists(kUnknownResource);
  optional_.start();
  ASSERT_TRUE(api_.waitFor([this] { return store_.synced(); }));
  EXPECT_EQ(store_.size(), 0U);
  ASSERT_TRUE(waits());
  EXPECT_EQ(optional_.lastContact(), clock_.now());
}

TEST_P(OptionalReflectorTest, AsksEachMinuteForAResourceThatWasMissing) {
  failLists(kUnknownResource);
  optional_.start();
  for (int asked = 1; asked <= 3; ++asked) {
    ASSERT_TRUE(hasAsked(asked));
    ASSERT_TRUE(waits());
    clock_.advance(milliseconds(59'999));
    ASSERT_TRUE(waits());
    EXPECT_EQ(lists_, asked);
    if (asked == 3) failLists({});
    put("a", "1");
    clock_.advance(milliseconds(1));
  }
  ASSERT_TRUE(watching()) << "the server was upgraded";
  EXPECT_TRUE(shows("a", "1"));
}

TEST_P(OptionalReflectorTest, WhatWasKnownStaysWhenTheServerDoesNotHaveTheResourceAnyMore) {
  put("a", "1");
  optional_.start();
  ASSERT_TRUE(watching());
  failLists(kUnknownResource);
  failWatches(kUnknownResource);
  api_.cutWatches();
  ASSERT_TRUE(advanceUntil([this] { return optional_.lastContact() == clock_.now(); }));
  ASSERT_TRUE(waits());
  EXPECT_TRUE(shows("a", "1"));
  failLists({});
  failWatches({});
  put("a", "2");
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(shows("a", "2"));
}

TEST_P(ReflectorTest, WaitsForAResourceThatAServerMustHave) {
  failLists(kUnknownResource);
  reflector_.start();
  ASSERT_TRUE(api_.waitFor([this] { return lists_ == 1 && clock_.idle() == 1; }));
  EXPECT_FALSE(store_.synced());
  EXPECT_EQ(reflector_.lastContact(), MonotonicTime{});
}

TEST_P(ReflectorTest, KnowsWhenItLastHeardOfTheServer) {
  EXPECT_EQ(reflector_.lastContact(), MonotonicTime{});
  startWatching();
  clock_.advance(seconds(50));
  const MonotonicTime later = clock_.now();
  EXPECT_LT(reflector_.lastContact(), later);
  api_.sendBookmarks();
  EXPECT_TRUE(api_.waitFor([&] { return reflector_.lastContact() == later; }));
}

TEST_P(ReflectorTest, AWatchThatOnlyOpensIsNoContact) {
  startWatching();
  const MonotonicTime listed = reflector_.lastContact();
  clock_.advance(seconds(300));
  api_.endWatches();
  ASSERT_TRUE(api_.waitFor([this] { return watches_ == 2 && api_.runningWatches() == 1; }));
  EXPECT_EQ(reflector_.lastContact(), listed);
}

TEST_P(ReflectorTest, AfterASilentWatchAListIsTheNextContact) {
  startWatching();
  clock_.advance(seconds(90));
  EXPECT_LT(reflector_.lastContact(), clock_.now());
  api_.failWatches({ErrorCode::kTimeout, "silent for too long", ETIMEDOUT, {}});
  EXPECT_TRUE(api_.waitFor([this] { return reflector_.lastContact() == clock_.now(); }));
  EXPECT_EQ(lists_, 2);
}

TEST_P(StreamedListTest, WhatChangesMeanwhileIsInTheList) {
  startWith([this](const Api::OnEvent& tell) -> Result<void> {
    tell(Type::kAdded, thing("a", "1"));
    tell(Type::kAdded, thing("b", "1"));
    tell(Type::kModified, thing("a", "2"));
    tell(Type::kDeleted, thing("b", "1"));
    tell(Type::kBookmark, {{"metadata", {{"resourceVersion", "50"}}}});
    EXPECT_FALSE(store_.synced()) << "half a list is none";
    tell(Type::kListed, {{"metadata", {{"resourceVersion", "100"}}}});
    tell(Type::kAdded, {{"metadata", {{"name", "c"}, {"resourceVersion", "101"}}}, {"value", "1"}});
    return {};
  });
  ASSERT_TRUE(shows("c", "1"));
  EXPECT_EQ(takeSeen(), (Seen{"a:->2", "c:->1"}));
  EXPECT_EQ(store_.version(), "101");
  EXPECT_EQ(lists_, 0) << "nothing was listed a second time";
}

TEST_P(StreamedListTest, OneThatIsSilentForTooLongIsListedInPages) {
  expectPagesAfter(fail(ErrorCode::kTimeout, "silent for too long", ETIMEDOUT));
}

TEST_P(StreamedListTest, OneThatIsCutIsListedInPages) {
  expectPagesAfter(fail(ErrorCode::kUnavailable, "the connection was cut"));
}

TEST_P(StreamedListTest, OneThatEndsBeforeItIsCompleteIsListedInPages) { expectPagesAfter({}); }

TEST_P(ReflectorTest, StopsAtOnceWhileItWatchesAndWhileItWaits) {
  const auto stopTime = [this] {
    const auto start = std::chrono::steady_clock::now();
    reflector_.stop();
    return std::chrono::steady_clock::now() - start;
  };
  startWatching();
  EXPECT_LT(stopTime(), milliseconds(100));
  failWatches(kRefused);
  reflector_.start();
  ASSERT_TRUE(api_.waitFor([this] { return watches_ >= 2; }));
  EXPECT_LT(stopTime(), milliseconds(100));
}

}  // namespace
}  // namespace barevip::kube
