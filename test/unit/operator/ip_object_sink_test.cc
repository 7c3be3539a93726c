// SPDX-License-Identifier: Apache-2.0
#include "operator/session/ip_object_sink.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::controlplane {
namespace {

using nlohmann::json;

json ipOf(const std::string& ns, const std::string& name, int minute) {
  const std::string two = (minute < 10 ? "0" : "") + std::to_string(minute);
  json object = {{"metadata", {{"namespace", ns}, {"name", name}, {"uid", "uid of " + name}}},
                 {"spec", {{"pool", "default"}}}};
  object["metadata"]["creationTimestamp"] = "2030-01-01T00:" + two + ":00Z";
  return object;
}

class IpObjectSinkTest : public ::testing::Test {
 protected:
  /// The names in the namespace shop; "!": refused.
  [[nodiscard]] std::vector<std::string> kept() const {
    std::vector<std::string> names;
    for (const auto& ipObject : store_.allIn("shop")) {
      names.push_back(ipObject->key.name + (ipObject->excess ? "!" : ""));
    }
    return names;
  }
  void list(const std::vector<json>& objects) {
    sink_.listStarted();
    for (const json& each : objects) ASSERT_TRUE(sink_.listed(each));
    sink_.listFinished();
  }

  using Names = std::vector<std::string>;

  IpObjectSink::Store store_;
  IpObjectSink sink_{store_, store_, {}, {.counted = 2, .refused = 1}};
};

TEST_F(IpObjectSinkTest, KeepsWhatCountsMarksWhatIsRefusedAndLeavesTheRestOut) {
  const std::vector<json> four{ipOf("shop", "a", 4), ipOf("shop", "b", 3), ipOf("shop", "c", 2),
                               ipOf("shop", "d", 1)};
  list(four);
  EXPECT_EQ(kept(), (Names{"b!", "c", "d"}));
  EXPECT_FALSE(sink_.wantsList());
  for (const json& each : four) ASSERT_TRUE(sink_.put(each));
  EXPECT_EQ(kept(), (Names{"b!", "c", "d"})) << "at run time as after a restart";
  sink_.erase({"shop", "c"});
  EXPECT_EQ(kept(), (Names{"b", "d"}));
  EXPECT_TRUE(sink_.wantsList()) << "nothing else finds what was left out";
  list({four[0], four[1], four[3]});
  EXPECT_EQ(kept(), (Names{"a!", "b", "d"}));
  EXPECT_FALSE(sink_.wantsList());
}

TEST_F(IpObjectSinkTest, WhatIsDeletedWhileTheListComesMakesRoom) {
  sink_.listStarted();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(sink_.listed(ipOf("shop", name, 1)));
  sink_.unlisted({"shop", "a"});
  sink_.listFinished();
  EXPECT_EQ(kept(), (Names{"b", "c"}));
}

TEST_F(IpObjectSinkTest, WhatComesAnewIsTheSameObject) {
  list({ipOf("shop", "a", 1)});
  const auto before = store_.get({"shop", "a"});
  list({ipOf("shop", "a", 1)});
  EXPECT_EQ(store_.get({"shop", "a"}), before);
}

// A tenth of what fills the memory of the pod, and an `edit` of one namespace may make any number.
TEST(IpObjectSinkMemory, AFloodOfOneNamespaceTakesLittleAndOthersNoticeNothing) {
  for (const bool listed : {true, false}) {
    IpObjectSink::Store store;
    IpObjectSink sink(store, store);
    const std::size_t before = mallinfo2().uordblks;
    sink.listStarted();
    if (!listed) sink.listFinished();
    const auto take = [&](const json& object) {
      return listed ? sink.listed(object) : sink.put(object);
    };
    json object = ipOf("evil", "", 1);
    for (int i = 0; i < 20'000; ++i) {
      object["metadata"]["name"] = "a-name-that-is-not-short-" + std::to_string(i);
      if (!take(object)) FAIL() << i;
    }
    EXPECT_TRUE(take(ipOf("shop", "front", 59)));
    if (listed) sink.listFinished();
    EXPECT_LT(mallinfo2().uordblks, before + (4U << 20U));
    EXPECT_EQ(store.allIn("evil").size(), 2048U);
    ASSERT_TRUE(store.get({"shop", "front"}));
    EXPECT_FALSE(store.get({"shop", "front"})->excess);
  }
}

json recordOf(const std::string& ns, const std::string& service, int minute) {
  json record = ipOf(ns, service + "-192.0.2.1", minute);
  record["spec"]["address"] = "192.0.2.1";
  record["metadata"]["ownerReferences"] = {
      {{"apiVersion", "v1"}, {"kind", "Service"}, {"name", service}, {"uid", "of " + service}}};
  return record;
}

// Each names another Service, which does not exist.
TEST(IpObjectSinkMemory, AFloodOfForgedRecordsTakesLittleAndRealOnesStay) {
  for (const bool listed : {true, false}) {
    IpObjectSink::Store store;
    std::set<kube::ObjectKey> services{{"evil", "real"}, {"shop", "web"}};
    IpObjectSink sink(store, store,
                      [&](const kube::ObjectKey& key) { return services.contains(key); });
    const std::size_t before = mallinfo2().uordblks;
    sink.listStarted();
    if (!listed) sink.listFinished();
    const auto take = [&](const json& object) {
      return listed ? sink.listed(object) : sink.put(object);
    };
    EXPECT_TRUE(take(recordOf("evil", "real", 0)));
    for (int i = 0; i < 20'000; ++i) {
      const json forged = recordOf("evil", "an-invented-service-" + std::to_string(i), 1);
      if (!take(forged)) FAIL() << i;
    }
    EXPECT_TRUE(take(recordOf("evil", "later", 2)));
    EXPECT_TRUE(take(recordOf("shop", "web", 0)));
    if (listed) sink.listFinished();
    EXPECT_LT(mallinfo2().uordblks, before + (4U << 20U));
    EXPECT_EQ(store.allIn("evil").size(), 1025U);
    services.insert({"evil", "later"});
    sink.serviceChanged({"evil", "later"});
    for (int i = 0; i < 2000; ++i) {
      const json forged = recordOf("evil", "one-more-service-" + std::to_string(i), 3);
      if (!sink.put(forged)) FAIL() << i;
    }
    for (const auto& [ns, name] :
         {std::pair("evil", "real"), std::pair("evil", "later"), std::pair("shop", "web")}) {
      EXPECT_TRUE(store.get({ns, std::string(name) + "-192.0.2.1"})) << name;
    }
    EXPECT_EQ(store.allIn("evil").size(), 1026U);
  }
}

}  // namespace
}  // namespace barevip::controlplane
