// SPDX-License-Identifier: Apache-2.0
// The fake keeps the promises of a server that other tests build on.
#include "fakes/fake_api.h"

#include <gtest/gtest.h>

#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace barevip::kube {
namespace {

using nlohmann::json;
using Type = WatchEvent::Type;

json named(const std::string& name) { return {{"metadata", {{"name", name}}}}; }

TEST(FakeApi, CreatesOnce) {
  FakeApi api;
  const auto made = api.create(kIps, "shop", named("web"), {});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)["metadata"]["namespace"], "shop");
  EXPECT_FALSE((*made)["metadata"]["uid"].get<std::string>().empty());
  const auto again = api.create(kIps, "shop", named("web"), {});
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(api.writeCount(), 2U);
}

TEST(FakeApi, RefusesAnOldVersion) {
  FakeApi api;
  const json old = api.put(kPools, named("lan"));
  json changed = old;
  changed["spec"] = {{"a", 1}};
  const auto replaced = api.replace(kPools, {"", "lan"}, changed, {});
  ASSERT_TRUE(replaced);
  EXPECT_EQ((*replaced)["metadata"]["generation"], 2);
  EXPECT_EQ(api.replace(kPools, {"", "lan"}, changed, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(api.patch(kPools, {"", "lan"}, "status", old, {}).error().code, ErrorCode::kConflict);
}

TEST(FakeApi, KeepsStatusAndSpecApart) {
  FakeApi api;
  ASSERT_TRUE(api.create(
      kPools, "", {{"metadata", {{"name", "lan"}}}, {"spec", {{"a", 1}}}, {"status", {{"b", 1}}}},
      {}));
  EXPECT_FALSE(api.object(kPools, {"", "lan"})->contains("status"));
  const json both = {{"spec", {{"a", 2}}}, {"status", {{"b", 2}}}};
  ASSERT_TRUE(api.patch(kPools, {"", "lan"}, "status", both, {}));
  EXPECT_EQ(api.object(kPools, {"", "lan"})->at("spec")["a"], 1);
  EXPECT_EQ(api.object(kPools, {"", "lan"})->at("status")["b"], 2);
  ASSERT_TRUE(api.patch(kPools, {"", "lan"}, "", {{"spec", {{"a", 3}}}, {"status", nullptr}}, {}));
  EXPECT_EQ(api.object(kPools, {"", "lan"})->at("spec")["a"], 3);
  EXPECT_EQ(api.object(kPools, {"", "lan"})->at("status")["b"], 2);
}

TEST(FakeApi, TakesAPatchWithoutEffectForNoChange) {
  FakeApi api;
  const json made = api.put(kPools, {{"metadata", {{"name", "lan"}}}, {"status", {{"b", 1}}}});
  const auto patched = api.patch(kPools, {"", "lan"}, "status", {{"status", {{"b", 1}}}}, {});
  EXPECT_EQ((*patched)["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
}

TEST(FakeApi, DeletesTheRightObjectAfterItsFinalizers) {
  FakeApi api;
  json object = named("web");
  object["metadata"]["namespace"] = "shop";
  object["metadata"]["finalizers"] = {"barevip.dev/x"};
  api.put(kIps, object);
  const ObjectKey key{"shop", "web"};
  EXPECT_EQ(api.remove(kIps, key, "another", {}).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(api.remove(kIps, key, "", {}));
  EXPECT_TRUE(api.object(kIps, key)->at("metadata").contains("deletionTimestamp"));
  ASSERT_TRUE(api.patch(kIps, key, "", {{"metadata", {{"finalizers", nullptr}}}}, {}));
  EXPECT_FALSE(api.object(kIps, key));
  EXPECT_EQ(api.remove(kIps, key, "", {}).error().code, ErrorCode::kNotFound);
}

TEST(FakeApi, CollectsWhatLostItsOwner) {
  FakeApi api;
  json service = named("web");
  service["metadata"]["namespace"] = "shop";
  const json stored = api.put(kServices, service);
  json ip = service;
  ip["metadata"]["ownerReferences"] = {{{"uid", stored["metadata"]["uid"]}}};
  api.put(kIps, ip);
  api.collectGarbage();
  EXPECT_EQ(api.objects(kIps).size(), 1U);
  api.erase(kServices, {"shop", "web"});
  api.collectGarbage();
  EXPECT_TRUE(api.objects(kIps).empty());
}

TEST(FakeApi, ListsWhatIsSelected) {
  FakeApi api;
  for (const auto& [name, tier] : {std::pair{"a", "front"}, {"b", "back"}}) {
    api.put(kNodes, {{"metadata", {{"name", name}, {"labels", {{"tier", tier}}}}}});
  }
  api.put(kNodes, named("c"));
  const std::vector<std::pair<Selection, std::string>> cases{{{"", "", ""}, "abc"},
                                                             {{"", "tier=back", ""}, "b"},
                                                             {{"", "tier==back", ""}, "b"},
                                                             {{"", "tier!=back", ""}, "ac"},
                                                             {{"", "tier", ""}, "ab"},
                                                             {{"", "!tier", ""}, "c"},
                                                             {{"", "tier,tier!=back", ""}, "a"},
                                                             {{"", "", "metadata.name=c"}, "c"}};
  for (const auto& [selection, want] : cases) {
    std::string names;
    ASSERT_TRUE(api.list(
        kNodes, selection,
        [&](const json& object) { names += object["metadata"]["name"].get<std::string>(); }, {}));
    EXPECT_EQ(names, want) << selection.labelSelector << selection.fieldSelector;
  }
}

TEST(FakeApi, WatchesWhatIsSelectedFromAVersion) {
  FakeApi api;
  api.put(kNodes, named("old"));
  const std::string version = *api.list(kNodes, {}, [](const json&) {}, {});
  const auto label = [&](const std::string& value) {
    api.put(kNodes, {{"metadata", {{"name", "n"}, {"labels", {{"tier", value}}}}}});
  };
  label("front");
  std::vector<std::string> seen;
  std::latch opened(1);
  std::jthread watcher([&](const std::stop_token& stop) {
    const auto ended = api.watch(
        kNodes, {"", "tier=front", ""}, version,
        [&](Type type, const json& object) {
          if (type == Type::kOpened) {
            opened.count_down();
            return;
          }
          seen.push_back(std::to_string(static_cast<int>(type)) +
                         object["metadata"].value("name", ""));
        },
        stop);
    EXPECT_TRUE(ended);
  });
  opened.wait();
  label("front");
  label("back");
  label("back");
  api.endWatches();
  watcher.join();
  EXPECT_EQ(seen, (std::vector<std::string>{"1n", "2n", "3n"})) << "added, modified, deleted";
}

TEST(FakeApi, StreamsAListAndGoesOnFromIt) {
  FakeApi api;
  api.put(kNodes, named("old"));
  std::vector<Type> seen;
  const auto ended = api.watch(kNodes, {}, "",
                               [&](Type type, const json& object) {
                                 seen.push_back(type);
                                 if (type == Type::kListed) api.put(kNodes, named("new"));
                                 if (type != Type::kOpened && object["metadata"].contains("uid") &&
                                     object["metadata"]["name"] == "new") {
                                   api.endWatches();
                                 }
                               },
                               {});
  EXPECT_TRUE(ended);
  EXPECT_EQ(seen, (std::vector{Type::kOpened, Type::kAdded, Type::kListed, Type::kAdded}));
}

TEST(FakeApi, TellsChangesOneByOneWithoutAThread) {
  FakeApi api;
  api.put(kPools, named("lan"));
  api.put(kNodes, named("n1"));
  api.put(kPools, {{"metadata", {{"name", "lan"}}}, {"spec", {{"a", 1}}}});
  api.erase(kPools, {"", "lan"});
  std::uint64_t version = 0;
  std::vector<Type> types;
  while (const auto event = api.next(kPools, version)) types.push_back(event->first);
  EXPECT_EQ(types, (std::vector{Type::kAdded, Type::kModified, Type::kDeleted}));
  EXPECT_EQ(api.next(kPools, version), std::nullopt);
  api.put(kPools, named("wan"));
  EXPECT_EQ(api.next(kPools, version)->second["metadata"]["name"], "wan");
}

TEST(FakeApi, EndsWatchesAsTheTestWants) {
  FakeApi api;
  const std::string version = *api.list(kNodes, {}, [](const json&) {}, {});
  const auto watchWhile = [&](const std::function<void()>& act) {
    Result<void> result;
    std::jthread watcher([&](const std::stop_token& stop) {
      result = api.watch(
          kNodes, {}, version, [](Type, const json&) {}, stop);
    });
    EXPECT_TRUE(api.waitFor([&] { return api.runningWatches() == 1; }));
    act();
    watcher.request_stop();
    watcher.join();
    return result;
  };
  EXPECT_EQ(watchWhile([] {}).error().code, ErrorCode::kStopped);
  api.put(kNodes, named("n"));
  api.expire();
  EXPECT_EQ(api.watch(kNodes, {}, version, [](Type, const json&) {}, {}).error().code,
            ErrorCode::kExpired);
}

TEST(FakeApi, FailsWhatTheTestWants) {
  FakeApi api;
  api.setInterceptor([](FakeApi::Verb verb, const Resource& resource, const ObjectKey& key) {
    const bool hit = verb == FakeApi::Verb::kGet && resource == kPools && key.name == "lan";
    return hit ? std::optional(Error{ErrorCode::kThrottled, "slow", 429, {}}) : std::nullopt;
  });
  api.put(kPools, named("lan"));
  api.put(kPools, named("dmz"));
  EXPECT_EQ(api.get(kPools, {"", "lan"}, {}).error().code, ErrorCode::kThrottled);
  EXPECT_TRUE(api.get(kPools, {"", "dmz"}, {}));
}

}  // namespace
}  // namespace barevip::kube
