// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/ip_status_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/kube/events.h"
#include "common/model/ip_object_json.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using kube::FakeApi;
using nlohmann::json;

const kube::ObjectKey kIpObject{"default", "web-192.0.2.1"};

class IpStatusReporterTest : public testing::Test {
 protected:
  void put(const std::string& holder, const std::string& phase = "Bound",
           const json& conditions = json::array()) {
    const json stored =
        api.put(kube::kIps, {{"metadata", {{"name", kIpObject.name}, {"namespace", kIpObject.ns}}},
                             {"spec", {{"address", "192.0.2.1"}}},
                             {"status",
                              {{"phase", phase},
                               {"address", "192.0.2.1"},
                               {"service", "web"},
                               {"node", holder},
                               {"conditions", conditions}}}});
    stores.ipObjects.put(model::decodeIpObject(stored).value());
  }

  json status() { return api.object(kube::kIps, kIpObject).value_or(json::object())["status"]; }
  bool waitForNode(const std::string& node) {
    return api.waitFor([&] { return status().value("node", "") == node; });
  }

  static NodeReport announced(const std::string& insteadOf = "") {
    return {{{kIpObject, {ip("192.0.2.1"), true, insteadOf, std::nullopt}}}, {}};
  }
  static NodeReport conflict() {
    return {{{kIpObject, {ip("192.0.2.1"), false, "", "02:00:00:00:00:66"}}}, {}};
  }

  std::vector<std::string> eventReasons() {
    std::vector<std::string> reasons;
    for (const json& event : api.objects(kube::kEvents)) reasons.push_back(event["reason"]);
    return reasons;
  }

  void SetUp() override {
    model::Service web = service("web", {"192.0.2.1"});
    web.uid = "u1";
    stores.services.put(web);
    events.start();
    reporter.start();
  }

  FakeApi api;
  ManualClock clock;
  Stores stores;
  kube::EventRecorder events{
      api, clock, {.controller = "barevip.dev/node", .instance = "n1", .pause = {}}};
  IpStatusReporter reporter{api, stores, events, clock, "n1"};
};

TEST_F(IpStatusReporterTest, TheOwnerWritesItsNameOnceAndTellsTheService) {
  put("n2");
  reporter.take(announced("n2"));
  ASSERT_TRUE(waitForNode("n1"));
  EXPECT_TRUE(api.waitFor([&] { return !eventReasons().empty(); }));
  EXPECT_THAT(eventReasons(), testing::ElementsAre("Announced"));
}

TEST_F(IpStatusReporterTest, WhatIsThereAlreadyIsNotWritten) {
  put("n1");
  api.clearWrites();
  reporter.take(announced("n1"));
  reporter.stop();
  EXPECT_EQ(api.writeCount(), 0U);
}

TEST_F(IpStatusReporterTest, AWriteThatFailsIsRepeated) {
  put("");
  std::atomic<int> refused{0};
  api.setInterceptor([&](FakeApi::Verb verb, const kube::Resource&,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != FakeApi::Verb::kPatchStatus || refused++ > 2) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "connection refused", 0, {}};
  });
  reporter.take(announced());
  EXPECT_TRUE(api.waitFor([&] {
    clock.advance(std::chrono::seconds(1));
    return status().value("node", "") == "n1";
  }));
  reporter.stop();
  EXPECT_EQ(refused, 4);
}

TEST_F(IpStatusReporterTest, WhoTookOverMeanwhileIsNotOverwritten) {
  put("n3");
  api.clearWrites();
  reporter.take(announced("n2"));
  EXPECT_TRUE(api.waitFor([&] { return !eventReasons().empty(); }));
  reporter.stop();
  EXPECT_EQ(status()["node"], "n3");
}

TEST_F(IpStatusReporterTest, AConflictBecomesAConditionAndAWarningAndOtherConditionsStay) {
  put("", "Bound",
      json::array({{{"type", "Allocated"},
                    {"status", "True"},
                    {"reason", "Allocated"},
                    {"message", "from pool default"},
                    {"lastTransitionTime", "2029-01-01T00:00:00Z"}}}));
  reporter.take(conflict());
  ASSERT_TRUE(api.waitFor([&] { return status()["conditions"].size() == 2; }));
  EXPECT_EQ(status()["conditions"][0]["lastTransitionTime"], "2029-01-01T00:00:00Z");
  const json condition = status()["conditions"][1];
  EXPECT_EQ(condition["type"], "Announced");
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["reason"], "AddressConflict");
  EXPECT_THAT(condition["message"], testing::HasSubstr("02:00:00:00:00:66"));
  EXPECT_EQ(status()["node"], "") << "not announced";
  EXPECT_TRUE(api.waitFor([&] { return !eventReasons().empty(); }));
  EXPECT_THAT(eventReasons(), testing::ElementsAre("AddressConflict"));

  stores.ipObjects.put(model::decodeIpObject(*api.object(kube::kIps, kIpObject)).value());
  reporter.take(announced());
  EXPECT_TRUE(api.waitFor([&] { return status()["conditions"][1]["status"] == "True"; }));
  EXPECT_EQ(status()["node"], "n1");
}

TEST_F(IpStatusReporterTest, ANodeThatLosesPacketsNamesTheCauseUntilTheAddressIsServedAgain) {
  put("n1");
  NodeReport broken = announced("n1");
  broken.ipObjects.at(kIpObject).brokenBy = "rp_filter";
  reporter.take(broken);
  ASSERT_TRUE(api.waitFor([&] { return status()["conditions"].size() == 1; }));
  const json condition = status()["conditions"][0];
  EXPECT_EQ(condition["type"], "Announced");
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["reason"], "NodeBroken");
  EXPECT_THAT(condition["message"], testing::HasSubstr("node n1 (rp_filter)"));

  stores.ipObjects.put(model::decodeIpObject(*api.object(kube::kIps, kIpObject)).value());
  reporter.take(announced("n1"));
  EXPECT_TRUE(api.waitFor([&] { return status()["conditions"][0]["status"] == "True"; }));
}

TEST_F(IpStatusReporterTest, ANodeThatLosesPacketsIsSilentAboutAVipThatAnotherTookOver) {
  put("n2");
  api.clearWrites();
  NodeReport broken = announced("n1");
  broken.ipObjects.at(kIpObject).brokenBy = "rp_filter";
  reporter.take(broken);
  reporter.stop();
  EXPECT_EQ(api.writeCount(), 0U);
}

TEST_F(IpStatusReporterTest, EveryServiceThatUsesAReservationIsTold) {
  model::Service other = service("web-tls", {"192.0.2.1"});
  other.uid = "u2";
  stores.services.put(other);
  const json stored = api.put(
      kube::kIps,
      {{"metadata", {{"name", kIpObject.name}, {"namespace", kIpObject.ns}}},
       {"status", {{"phase", "Bound"}, {"address", "192.0.2.1"}, {"service", "web, web-tls"}}}});
  stores.ipObjects.put(model::decodeIpObject(stored).value());
  reporter.take(announced());
  ASSERT_TRUE(waitForNode("n1"));
  ASSERT_TRUE(api.waitFor([&] { return api.objects(kube::kEvents).size() == 2; }));
  std::set<std::string> told;
  for (const json& event : api.objects(kube::kEvents)) told.insert(event["regarding"]["name"]);
  EXPECT_THAT(told, testing::ElementsAre("web", "web-tls"));
}

TEST_F(IpStatusReporterTest, EveryRecordOfAVipGetsTheOwnersName) {
  put("n1");
  const kube::ObjectKey joined{"default", "web-tls-192.0.2.1"};
  const json stored =
      api.put(kube::kIps,
              {{"metadata", {{"name", joined.name}, {"namespace", joined.ns}}},
               {"status", {{"phase", "Bound"}, {"address", "192.0.2.1"}, {"service", "web-tls"}}}});
  stores.ipObjects.put(model::decodeIpObject(stored).value());
  api.clearWrites();
  NodeReport report = announced("n1");
  report.ipObjects[joined] = {ip("192.0.2.1"), true, "", std::nullopt};
  reporter.take(report);
  EXPECT_TRUE(api.waitFor(
      [&] { return (*api.object(kube::kIps, joined))["status"].value("node", "") == "n1"; }));
  reporter.stop();
  EXPECT_EQ(api.writeCount(), 1U) << "the other one had it";
}

TEST_F(IpStatusReporterTest, TheNameIsTakenOutOfAnIpObjectThatNobodyUses) {
  put("n1", "Released");
  EXPECT_TRUE(api.waitFor([&] { return !status().contains("node"); }));
}

TEST_F(IpStatusReporterTest, AfterTheVipMovedTheNameIsTheSuccessorsBusiness) {
  put("n1");
  reporter.take(announced("n1"));
  api.clearWrites();
  reporter.take({});
  reporter.stop();
  EXPECT_EQ(api.writeCount(), 0U);
}

TEST_F(IpStatusReporterTest, AProblemIsToldOnce) {
  const Problem problem{{"default", "web"}, ip("192.0.2.1"), "UnknownScheduler", "no such thing"};
  reporter.take({{}, {problem}});
  reporter.take({{}, {problem}});
  EXPECT_TRUE(api.waitFor([&] { return !eventReasons().empty(); }));
  EXPECT_THAT(eventReasons(), testing::ElementsAre("UnknownScheduler"));
}

}  // namespace
}  // namespace barevip::node::test
