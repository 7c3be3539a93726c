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
