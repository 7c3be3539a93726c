// SPDX-License-Identifier: Apache-2.0
#include "operator/session/lists.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "barevip/kube/store.h"

#include "common/model/ip_object_json.h"
#include "fakes/fake_api.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

json object(const std::string& name) {
  return {{"metadata", {{"name", name}, {"namespace", "default"}}}};
}

TEST(TheListsOfANewLeader, OfIpObjectsCostWhatTheStoreHasNot) {
  kube::FakeApi api;
  kube::Store<model::IpObject> store;
  store.put(*model::decodeIpObject(api.put(kube::kIps, object("seen"))));
  api.put(kube::kIps, object("unseen"));
  const auto listed = listIpObjects(api, store, {});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_EQ(listed->at(0), store.get({"default", "seen"}));
  EXPECT_EQ(listed->at(1)->key.name, "unseen");
}

TEST(TheListsOfANewLeader, LeaveOutTheSameIpObjectsAsTheStore) {
  kube::FakeApi api;
  for (int i = 0; i < 2100; ++i) api.put(kube::kIps, object("r" + std::to_string(i)));
  const auto listed = listIpObjects(api, kube::Store<model::IpObject>(), {});
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 2U * model::IpObject::kMaxReservations);
}

TEST(TheListsOfANewLeader, HaveEachRecordOfAServiceThatExists) {
  kube::FakeApi api;
  const auto putRecord = [&](const std::string& service) {
    json record = object(service + "-192.0.2.1");
    record["metadata"]["creationTimestamp"] = "2030-01-01T00:00:00Z";
    record["metadata"]["ownerReferences"] = {
        {{"apiVersion", "v1"}, {"kind", "Service"}, {"name", service}, {"uid", "u"}}};
    record["spec"]["address"] = "192.0.2.1";
    api.put(kube::kIps, record);
  };
  for (int i = 0; i < 1100; ++i) putRecord("forged" + std::to_string(i));
  putRecord("a-real-one");
  const auto exists = [](const kube::ObjectKey& key) { return key.name == "a-real-one"; };
  const auto listed = listIpObjects(api, kube::Store<model::IpObject>(), {}, exists);
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), model::IpObject::kMaxReservations + 1);
  EXPECT_EQ(listed->at(0)->key.name, "a-real-one-192.0.2.1");
}

TEST(TheListsOfANewLeader, OfServicesCostWhatTheStoreHasNot) {
  kube::FakeApi api;
  kube::Store<model::Service> store;
  const auto decode = serviceDecoder({}, std::make_shared<model::TextBudget>());
  store.put(*decode(api.put(kube::kServices, object("changed"))));
  store.put(*decode(api.put(kube::kServices, object("same"))));
  json changed = object("changed");
  changed["spec"]["type"] = "LoadBalancer";
  api.put(kube::kServices, changed);
  const auto listed = listServices(api, decode, store, {});
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 2U);
  EXPECT_TRUE(listed->at(0)->isLoadBalancer()) << "what the API server has counts";
  EXPECT_EQ(listed->at(1), store.get({"default", "same"}));
}

}  // namespace
}  // namespace barevip::controlplane
