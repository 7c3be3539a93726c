// SPDX-License-Identifier: Apache-2.0
#include "common/model/meta_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

TEST(Meta, IsDecodedWhole) {
  const json object = json::parse(R"({"metadata": {
      "namespace": "shop", "name": "web", "uid": "u1", "resourceVersion": "42", "generation": 3,
      "creationTimestamp": "1970-01-01T00:01:00Z", "deletionTimestamp": "1970-01-01T00:02:00Z",
      "labels": {"a": "1"}, "annotations": {"b": "2"},
      "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "u0"}]}})");
  const auto meta = decodeMeta(object, "Service", true);
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->key, (kube::ObjectKey{"shop", "web"}));
  EXPECT_EQ(meta->uid, "u1");
  EXPECT_EQ(meta->resourceVersion, "42");
  EXPECT_EQ(meta->generation, 3);
  EXPECT_EQ(meta->creationSeconds, 60);
  EXPECT_TRUE(meta->deleting);
  EXPECT_EQ(labelsOf(object), (StringMap{{"a", "1"}}));
  EXPECT_EQ(annotationsOf(object), (StringMap{{"b", "2"}}));
  ASSERT_EQ(meta->ownerReferences.size(), 1U);
  EXPECT_EQ(meta->ownerReferences[0], (OwnerReference{"v1", "Service", "web", "u0"}));
}

TEST(Meta, WithoutNameIsAnErrorThatNamesTheKind) {
  for (const char* text : {"{}", "[]", "null", R"({"metadata": null})", R"({"metadata": {}})",
                           R"({"metadata": {"name": 1}})", R"({"metadata": {"name": ""}})"}) {
    const auto meta = decodeMeta(json::parse(text), "Pool", false);
    ASSERT_FALSE(meta) << text;
    EXPECT_EQ(meta.error().code, ErrorCode::kInvalid);
    EXPECT_NE(meta.error().message.find("Pool"), std::string::npos);
  }
}

TEST(Meta, WithoutNamespaceIsAnErrorForNamespacedKindsOnly) {
  const json object = json::parse(R"({"metadata": {"name": "x"}})");
  EXPECT_FALSE(decodeMeta(object, "Service", true));
  EXPECT_TRUE(decodeMeta(object, "Node", false));
}

TEST(Readers, TakeTheWrongTypeForAbsent) {
  const json object = json::parse(R"({"text": 5, "number": "5", "flag": "true", "list": {"a": 1},
      "map": ["a"], "mixed": ["a", 1, null, "b"], "halfMap": {"a": "1", "b": 2}, "selector": 7,
      "conditions": [1, {"type": "Ready"}]})");
  EXPECT_EQ(stringAt(object, "text"), "");
  EXPECT_EQ(stringAt(object, "absent"), "");
  EXPECT_EQ(integerAt(object, "number", 0, 10, 7), 7);
  EXPECT_TRUE(boolAt(object, "flag", true));
  EXPECT_TRUE(stringsAt(object, "list").empty());
  EXPECT_TRUE(stringMapAt(object, "map").empty());
  EXPECT_EQ(stringsAt(object, "mixed"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(stringMapAt(object, "halfMap"), (StringMap{{"a", "1"}}));
  EXPECT_FALSE(labelSelectorAt(object, "selector"));
  EXPECT_EQ(conditionsAt(object).size(), 2U);
  EXPECT_TRUE(memberOf(memberOf(object, "absent"), "deeper").is_null());
}

TEST(Readers, KeepIntegersInTheirRange) {
  const json object = json::parse(
      R"({"ok": 5, "low": -1, "high": 11, "huge": 18446744073709551615, "float": 5.0})");
  EXPECT_EQ(integerAt(object, "ok", 0, 10, 7), 5);
  for (const char* name : {"low", "high", "huge", "float"}) {
    EXPECT_EQ(integerAt(object, name, 0, 10, 7), 7) << name;
  }
}

TEST(LabelSelectorJson, TellsEmptyFromAbsent) {
  const json object = json::parse(R"({"empty": {}, "full": {"matchLabels": {"a": "1"},
      "matchExpressions": [{"key": "b", "operator": "In", "values": ["x", "y"]}]}})");
  EXPECT_FALSE(labelSelectorAt(object, "absent"));
  EXPECT_EQ(labelSelectorAt(object, "empty"), LabelSelector{});
  const LabelSelector full{{{"a", "1"}}, {{"b", "In", {"x", "y"}}}};
  EXPECT_EQ(labelSelectorAt(object, "full"), full);
}

TEST(ConditionsJson, ComeBackAsTheyWere) {
  const Conditions conditions{{"Ready", "True", "Ok", "fine", 4, 1'704'067'200},
                              {"Overlapping", "False", "None", "", 0, 1'704'153'600}};
  const json status = {{"conditions", encodeConditions(conditions, WallTime{})}};
  EXPECT_EQ(conditionsAt(status), conditions);
  EXPECT_EQ(conditionsAt(status)[0].lastTransition, 1'704'067'200);
  EXPECT_FALSE(status["conditions"][1].contains("observedGeneration"));
}

TEST(ConditionsJson, GetTheTimeThatTheApiRequires) {
  const json encoded = encodeConditions({{"Ready", "True", "Ok", ""}}, WallTime{});
  EXPECT_EQ(encoded[0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace barevip::model
