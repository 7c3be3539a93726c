// SPDX-License-Identifier: Apache-2.0
#include "common/model/ip_object_json.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

IpObject ipObjectForWeb() {
  IpObject ipObject;
  ipObject.key = {"default", "web-192.0.2.1"};
  ipObject.servedClass = "example.com/lb";
  ipObject.serviceOwner = OwnerReference{"v1", "Service", "web", "u1"};
  ipObject.spec = {"edge", "192.0.2.1", "IPv4", "k"};
  return ipObject;
}

TEST(IpObjectJson, WhatIsCreatedComesBackAsItWas) {
  const json body = encodeIpObject(ipObjectForWeb());
  EXPECT_EQ(body["apiVersion"], "barevip.dev/v1alpha1");
  EXPECT_EQ(body["kind"], "IP");
  EXPECT_EQ(body["metadata"]["ownerReferences"][0]["controller"], true);
  EXPECT_EQ(*decodeIpObject(body), ipObjectForWeb());
}

TEST(IpObjectJson, OtherOwnersAreNotServices) {
  json body = encodeIpObject(ipObjectForWeb());
  body["metadata"]["ownerReferences"][0]["kind"] = "Gateway";
  EXPECT_FALSE(decodeIpObject(body)->serviceOwner);
}

TEST(IpObjectJson, NeedsANameAndANamespace) {
  EXPECT_FALSE(decodeIpObject(json{{"metadata", {{"name", "a"}}}}));
  EXPECT_FALSE(decodeIpObject(json("text")));
}

TEST(IpObjectStatusPatch, RemovesWhatIsEmptyAndLeavesTheNodeAlone) {
  IpObject::Status status;
  status.phase = "Pending";
  status.node = "node-1";
  const json patch = ipObjectStatusPatch(status, "9", WallTime{});
  EXPECT_EQ(patch["status"]["phase"], "Pending");
  EXPECT_TRUE(patch["status"]["address"].is_null());
  EXPECT_TRUE(patch["status"]["ports"].is_null());
  EXPECT_FALSE(patch["status"].contains("node"));
}

TEST(RecordPatch, SetsOrRemovesTheKeyAndTheClassOnly) {
  IpObject wanted;
  EXPECT_TRUE(recordPatch(wanted, "9")["spec"]["shareKey"].is_null());
  EXPECT_TRUE(recordPatch(wanted, "9")["metadata"]["annotations"]["barevip.dev/class"].is_null());
  wanted.spec.shareKey = "k";
  wanted.servedClass = "example.com/lb";
  EXPECT_EQ(recordPatch(wanted, "9"),
            (json{{"metadata",
                   {{"resourceVersion", "9"},
                    {"annotations", {{"barevip.dev/class", "example.com/lb"}}}}},
                  {"spec", {{"shareKey", "k"}}}}));
}

// The status as an object of the API that has it.
json objectWith(const json& status) {
  json object = encodeIpObject(ipObjectForWeb());
  object["status"] = status;
  return object;
}

IpObject::Status decoded(const json& status) { return decodeIpObject(objectWith(status))->status; }

// The status in the API after a patch of it.
json patched(json status, const IpObject::Status& next) {
  status.merge_patch(ipObjectStatusPatch(next, "9", WallTime{})["status"]);
  return status;
}

json conditionOf(const json& status, const std::string& type) {
  for (const json& each : status["conditions"]) {
    if (each["type"] == type) return each;
  }
  return json();
}

IpObject::Status boundStatus() {
  IpObject::Status status;
  status.phase = "Bound";
  status.address = "192.0.2.1";
  status.pool = "edge";
  status.ports = {"80/TCP"};
  status.services = {"web", "tls"};
  status.observedGeneration = 3;
  status.conditions = {{"Bound", "True", "Reserved", "it is", 3, 1'893'456'000},
                       {"Announced", "True", "Announced", "so", 0, 1'893'542'400}};
  return status;
}

TEST(IpObjectStatus, ComesBackAsItWas) {
  for (const bool waits : {false, true}) {
    IpObject::Status status = boundStatus();
    if (waits) {
      status.phase = "Pending";
      status.services.clear();
      status.conditions[0].status = "False";
    }
    EXPECT_EQ(decoded(patched(json::object(), status)), status) << waits;
  }
}

TEST(IpObjectStatus, SaysTheGenerationThatItIsOf) {
  json object = objectWith({{"observedGeneration", 4}});
  object["metadata"]["generation"] = 5;
  EXPECT_EQ(decodeIpObject(object)->generation, 5);
  EXPECT_EQ(decodeIpObject(object)->status.observedGeneration, 4);
  EXPECT_EQ(decoded({{"observedGeneration", "x"}}).observedGeneration, 0);
}

TEST(IpObjectStatus, HasTheServicesAsAListAndForTheReleaseBeforeAsOneText) {
  const json status = patched(json::object(), boundStatus());
  EXPECT_EQ(status["services"], (json{"web", "tls"}));
  EXPECT_EQ(status["service"], "web, tls");
  IpObject::Status unused = boundStatus();
  unused.services.clear();
  EXPECT_FALSE(patched(status, unused).contains("services"));
  EXPECT_FALSE(patched(status, unused).contains("service"));
}

TEST(IpObjectStatus, ReadsTheServicesThatAnyReleaseWrote) {
  struct Case {
    const char* who;
    json status;
    std::vector<Text> services;
    bool coherent;
  };
  const std::vector<Case> cases = {
      {"nobody uses it", json::object(), {}, true},
      {"this release",
       {{"services", {"web", "tls"}}, {"service", "web, tls"}},
       {"web", "tls"},
       true},
      {"the release before", {{"service", "web, tls"}}, {"web", "tls"}, false},
      {"by hand", {{"service", "a,b , c"}}, {"a", "b", "c"}, false},
      {"by hand, none", {{"service", ", ,"}}, {}, false},
      {"a later release, without the text", {{"services", {"web"}}}, {"web"}, false},
      {"the release before, after this one",
       {{"services", {"web"}}, {"service", "tls"}},
       {"tls"},
       false},
  };
  for (const Case& each : cases) {
    const IpObject::Status status = decoded(each.status);
    EXPECT_EQ(status.services, each.services) << each.who;
    EXPECT_EQ(status.coherent, each.coherent) << each.who;
  }
}

TEST(IpObjectStatus, IsReadyWhileItIsBoundAndForTheSameReason) {
  IpObject::Status status = boundStatus();
  json ready = conditionOf(patched(json::object(), status), "Ready");
  EXPECT_EQ(ready["status"], "True");
  EXPECT_EQ(ready["reason"], "Reserved");
  EXPECT_EQ(ready["message"], "it is");
  EXPECT_EQ(ready["observedGeneration"], 3);
  EXPECT_EQ(ready["lastTransitionTime"], "2030-01-01T00:00:00Z");
  status.conditions[0] = {"Bound", "False", "PoolExhausted", "all are held", 3, 0};
  json api = patched(json::object(), status);
  ready = conditionOf(api, "Ready");
  ready["type"] = "Bound";
  EXPECT_EQ(ready, conditionOf(api, "Bound"));
}

TEST(IpObjectStatus, IsNoSecondCopyOfWhatReadySays) {
  const IpObject::Status status = decoded(patched(json::object(), boundStatus()));
  EXPECT_EQ(findCondition(status.conditions, "Ready"), nullptr);
  EXPECT_NE(findCondition(status.conditions, "Announced"), nullptr) << "of the node daemon";
}

TEST(IpObjectStatus, IsWrittenOnceWhereReadyIsMissingOrSaysAnotherThing) {
  const json right = patched(json::object(), boundStatus());
  struct Case {
    const char* what;
    std::function<void(json&)> spoil;
  };
  const std::vector<Case> cases = {
      {"of the release before", [](json& status) { status["conditions"].erase(2); }},
      {"not the same status", [](json& status) { status["conditions"][2]["status"] = "False"; }},
      {"not the same message", [](json& status) { status["conditions"][2]["message"] = "no"; }},
      {"of nothing", [](json& status) { status["conditions"].erase(0); }},
  };
  ASSERT_EQ(right["conditions"][2]["type"], "Ready");
  for (const Case& each : cases) {
    json status = right;
    each.spoil(status);
    EXPECT_NE(decoded(status), boundStatus()) << each.what;
    EXPECT_EQ(decoded(patched(status, boundStatus())), boundStatus()) << each.what;
  }
}

}  // namespace
}  // namespace barevip::model
