// SPDX-License-Identifier: Apache-2.0
#include "common/model/pool_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

TEST(DecodePool, ReadsEveryField) {
  const auto pool = decodePool(json::parse(R"({
    "metadata": {"name": "edge", "uid": "u", "resourceVersion": "7", "generation": 3,
                 "creationTimestamp": "1970-01-01T00:01:00Z"},
    "spec": {"addresses": ["192.0.2.0/24", "2001:db8::/64"], "exclude": ["192.0.2.9"],
             "avoidBuggyIPs": true, "avoidGatewayIPs": true, "autoAssign": false, "priority": 5,
             "allowSharing": "Never",
             "namespaces": ["shop"], "namespaceSelector": {"matchLabels": {"tier": "edge"}},
             "serviceSelector": {}, "ignoreNamespaces": ["dev"],
             "announce": {"mode": "None", "interfaces": ["eth1"], "nodeSelector": {}}},
    "status": {"capacity": {"ipv4": "255", "ipv6": "18446744073709551616"}, "inUse": "1",
               "conditions": [{"type": "Ready", "status": "True"}]}})"));
  ASSERT_TRUE(pool);
  EXPECT_EQ(pool->key.name, "edge");
  EXPECT_EQ(pool->generation, 3);
  EXPECT_EQ(pool->creationSeconds, 60);
  EXPECT_EQ(pool->addresses.size(), 2U);
  EXPECT_EQ(pool->exclude.size(), 1U);
  EXPECT_TRUE(pool->avoidBuggyIps && pool->avoidGatewayIps && !pool->autoAssign);
  EXPECT_EQ(pool->priority, 5);
  EXPECT_EQ(pool->allowSharing, AllowSharing::kNever);
  EXPECT_EQ(pool->namespaceSelector->matchLabels.at("tier"), "edge");
  EXPECT_TRUE(pool->serviceSelector.has_value());
  EXPECT_EQ(pool->announce.mode, AnnounceMode::kNone);
  EXPECT_TRUE(pool->announce.nodeSelector.has_value());
  EXPECT_EQ(pool->status.capacity.ipv6, "18446744073709551616");
  EXPECT_NE(findCondition(pool->status.conditions, "Ready"), nullptr);
}

TEST(DecodePool, FillsInTheDefaultsOfTheSchema) {
  const auto pool = decodePool(json{{"metadata", {{"name", "a"}}}});
  ASSERT_TRUE(pool);
  EXPECT_TRUE(pool->autoAssign);
  EXPECT_EQ(pool->priority, 100);
  EXPECT_EQ(pool->allowSharing, AllowSharing::kNamespace);
  EXPECT_FALSE(pool->namespaceSelector);
  EXPECT_EQ(pool->announce.mode, AnnounceMode::kL2);
}

TEST(DecodePool, SurvivesFieldsOfTheWrongType) {
  const auto pool = decodePool(
      json{{"metadata", {{"name", "a"}}},
           {"spec", {{"addresses", "192.0.2.0/24"}, {"priority", 1e30}, {"announce", 7}}},
           {"status", "none"}});
  ASSERT_TRUE(pool);
  EXPECT_TRUE(pool->addresses.empty());
  EXPECT_EQ(pool->priority, 100);
}

TEST(PoolStatusPatch, ComesBackAsItWas) {
  Pool::Status status;
  status.capacity = {"4", "0"};
  status.available = {"3", "0"};
  status.inUse = "1";
  status.observedGeneration = 2;
  status.conditions = {{"Ready", "True", "Ready", "gives addresses", 2, 1'893'456'000}};
  json object = poolStatusPatch(status, "9", WallTime{});
  EXPECT_EQ(object["metadata"]["resourceVersion"], "9");
  object["metadata"]["name"] = "a";
  EXPECT_EQ(decodePool(object)->status, status);
}

}  // namespace
}  // namespace barevip::model
