// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/cluster_fixture.h"

namespace barevip::assigner {
namespace {

using test::json;
using test::pool;
using test::serviceJson;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using ServiceReconcilerTest = test::ClusterFixture;
using Verb = kube::FakeApi::Verb;

Error status(ErrorCode code) { return {code, "as the test wants it", 0, {}}; }

// What is written, and in which order.

TEST_F(ServiceReconcilerTest, ItIsToldThatAServiceHasDecidedBeforeAnythingIsWritten) {
  std::vector<std::size_t> writes;
  onDecided_ = [&](const Consumer& who) {
    EXPECT_EQ(who, (Consumer{Consumer::Kind::kService, {"default", "web"}}));
    writes.push_back(api_.writeCount());
  };
  put(serviceJson("web"));
  sync();
  ASSERT_TRUE(once("web"));
  EXPECT_THAT(writes, testing::ElementsAre(0U));
  EXPECT_GT(api_.writeCount(), 0U);
}

TEST_F(ServiceReconcilerTest, WritesTheRecordBeforeTheStatus) {
  add("web");
  const auto writes = api_.writes();
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0].verb, Verb::kCreate);
  EXPECT_EQ(writes[0].key.name, "web-10.0.0.0");
  EXPECT_EQ(writes[1].verb, Verb::kPatchStatus);
  EXPECT_EQ(writes[1].key.name, "web");
}

TEST_F(ServiceReconcilerTest, WhileManyWaitTheRecordFollowsTheStatus) {
  addInBurst("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
  sync();
  ASSERT_TRUE(once("web"));
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
  EXPECT_EQ(api_.writeCount(), 2U);
}

TEST_F(ServiceReconcilerTest, OnlyAFirstAddressIsShownBeforeItsRecord) {
  add("web");
  busy_ = true;
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.7"}}}}}});
  sync();
  ASSERT_TRUE(once("web"));
  const auto writes = api_.writes();
  EXPECT_EQ(writes[2].verb, Verb::kCreate);
  EXPECT_EQ(writes[3].verb, Verb::kPatchStatus);
}

TEST_F(ServiceReconcilerTest, AWipedServiceThatMovesIsRecordedFirst) {
  add("web");
  busy_ = true;
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.7"}}}}},
               {"status", nullptr}});
  sync();
  ASSERT_TRUE(once("web"));
  EXPECT_EQ(api_.writes()[2].verb, Verb::kCreate);
}

TEST_F(ServiceReconcilerTest, WhatIsShownWithoutARecordIsKeptWhenAnotherOneLeads) {
  addInBurst("web");
  busy_ = false;
  put(serviceJson("a-waiter"));
  restart();
  settle("a-waiter");
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(shown("a-waiter"), "10.0.0.1");
  EXPECT_THAT(ipObjectNames(), ElementsAre("a-waiter-10.0.0.1", "web-10.0.0.0"));
}

TEST_F(ServiceReconcilerTest, AServiceDeletedBeforeItsRecordIsMadeFreesItsAddress) {
  addInBurst("web");
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  add("other");
  EXPECT_EQ(shown("other"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("other-10.0.0.0"));
}

TEST_F(ServiceReconcilerTest, AServiceMadeAnewBeforeTheEarlierOnesRecordInheritsNothing) {
  addInBurst("web");
  setPools({pool("b", {"10.0.1.0/24"})});
  api_.erase(kube::kServices, {"default", "web"});
  put(serviceJson("web"));
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.1.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.1.0"));
}

// The watch of IP objects lags, or a finalizer keeps it.
TEST_F(ServiceReconcilerTest, ALingeringRecordOfAnEarlierServiceFreesNothingOfTheNewOne) {
  add("web");
  api_.erase(kube::kServices, {"default", "web"});
  addInBurst("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  fillServicesOnly();
  ASSERT_TRUE(once("web"));
  put(serviceJson("other"));
  fillServicesOnly();
  ASSERT_TRUE(once("other"));
  EXPECT_EQ(shown("other"), "10.0.0.1");
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, TheRecordIsOwnedByTheService) {
  add("web");
  const json ipObject = *api_.object(kube::kIps, {"default", "web-10.0.0.0"});
  EXPECT_EQ(ipObject["spec"], (json{{"pool", "a"}, {"address", "10.0.0.0"}, {"family", "IPv4"}}));
  EXPECT_EQ(ipObject["metadata"]["labels"]["barevip.dev/service"], "web");
  const json owner = ipObject["metadata"]["ownerReferences"][0];
  EXPECT_EQ(owner["uid"], service("web")["metadata"]["uid"]);
  EXPECT_EQ(owner["controller"], true);
}

TEST_F(ServiceReconcilerTest, TheStatusHasAddressModeAndCondition) {
  add("web");
  EXPECT_EQ(service("web")["status"]["loadBalancer"]["ingress"],
            json::array({{{"ip", "10.0.0.0"}, {"ipMode", "Proxy"}}}));
  EXPECT_EQ(condition("web")["status"], "True");
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("Assigned"));
}

TEST_F(ServiceReconcilerTest, TellsKubeProxyWhetherItForwards) {
  json web = serviceJson("web");
  web["metadata"]["annotations"]["barevip.dev/forward"] = "kube-proxy";
  put(web);
  settle("web");
  EXPECT_EQ(service("web")["status"]["loadBalancer"]["ingress"][0]["ipMode"], "VIP");
}

TEST_F(ServiceReconcilerTest, ADualStackServiceHasTwoRecords) {
  setPools({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  json dual = serviceJson("web");
  dual["spec"]["ipFamilies"] = {"IPv6", "IPv4"};
  dual["spec"]["ipFamilyPolicy"] = "RequireDualStack";
  put(dual);
  settle("web");
  EXPECT_EQ(shown("web"), "2001:db8::,10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0", "web-2001.db8.0.0.0.0.0.0"));
}

TEST_F(ServiceReconcilerTest, KeepsTheConditionsOfOthersWithTheirTimes) {
  json other = {{"type", "example.com/Other"},
                {"status", "True"},
                {"reason", "R"},
                {"message", "m"},
                {"lastTransitionTime", "2020-01-01T00:00:00Z"}};
  json web = serviceJson("web");
  web["status"] = {{"conditions", {other}}};
  put(web);
  settle("web");
  EXPECT_EQ(service("web")["status"]["conditions"][0], other);
  EXPECT_EQ(service("web")["status"]["conditions"].size(), 2U);
}

// Waiting.

TEST_F(ServiceReconcilerTest, AWaitingServiceSaysWhyOnce) {
  setPools({});
  add("web");
  once("web");
  EXPECT_EQ(reason("web"), "NoPool");
  EXPECT_EQ(condition("web")["status"], "False");
  EXPECT_EQ(shown("web"), "");
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("NoPool"));
  EXPECT_THAT(waiters(), ElementsAre(kube::ObjectKey{"default", "web"}));
}

TEST_F(ServiceReconcilerTest, AWaitingServiceIsServedWhenAPoolComes) {
  setPools({});
  add("web");
  setPools({pool("a", {"10.0.0.0/24"})});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("NoPool", "Assigned"));
  EXPECT_THAT(waiters(), IsEmpty());
}

TEST_F(ServiceReconcilerTest, TellsWhenAnAddressBecomesFree) {
  setPools({pool("a", {"10.0.0.1"})});
  add("one");
  add("two");
  EXPECT_EQ(reason("two"), "PoolExhausted");
  const int before = freed_;
  api_.erase(kube::kServices, {"default", "one"});
  settle("one");
  EXPECT_GT(freed_, before);
  settle("two");
  EXPECT_EQ(shown("two"), "10.0.0.1");
}

TEST_F(ServiceReconcilerTest, ABadRequestIsAnsweredInTheCondition) {
  json web = serviceJson("web");
  web["metadata"]["annotations"] = {{"barevip.dev/address", "10.0.0.300"}};
  put(web);
  settle("web");
  EXPECT_EQ(reason("web"), "BadRequest");
  EXPECT_THAT(condition("web")["message"], HasSubstr("10.0.0.300"));
}

// Restarts and crashes.

TEST_F(ServiceReconcilerTest, ARestartWithFiftyServicesChangesNothing) {
  for (int i = 0; i < 50; ++i) add("s" + std::to_string(i));
  api_.clearWrites();
  restart();
  for (int i = 49; i >= 0; --i) settle("s" + std::to_string(i));
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(ServiceReconcilerTest, AWaitingServiceNeverTakesWhatIsShownAfterARestart) {
  add("z-holder");
  put(serviceJson("a-waiter"));
  restart();
  settle("a-waiter");
  EXPECT_EQ(shown("a-waiter"), "10.0.0.1");
  settle("z-holder");
  EXPECT_EQ(shown("z-holder"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, ACrashBetweenRecordAndStatusIsCompleted) {
  api_.setInterceptor([](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    return verb == Verb::kPatchStatus ? std::optional(status(ErrorCode::kUnavailable))
                                      : std::nullopt;
  });
  put(serviceJson("web"));
  sync();
  EXPECT_FALSE(once("web"));
  api_.setInterceptor({});
  put(serviceJson("other"));
  restart();
  settle("other");
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(shown("other"), "10.0.0.1");
}

TEST_F(ServiceReconcilerTest, ACreateThatReachedTheServerTwiceIsOurs) {
  bool lost = false;
  api_.setInterceptor([&](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    // The first answer is lost after the object was made.
    if (verb != Verb::kCreate || std::exchange(lost, true)) return std::optional<Error>();
    json ipObject = {{"metadata",
                      {{"name", "web-10.0.0.0"},
                       {"namespace", "default"},
                       {"ownerReferences",
                        {{{"apiVersion", "v1"},
                          {"kind", "Service"},
                          {"name", "web"},
                          {"uid", service("web")["metadata"]["uid"]}}}}}},
                     {"spec", {{"address", "10.0.0.0"}, {"pool", "a"}}}};
    api_.put(kube::kIps, ipObject);
    return std::optional(status(ErrorCode::kTimeout));
  });
  put(serviceJson("web"));
  sync();
  EXPECT_FALSE(once("web"));
  EXPECT_TRUE(once("web"));
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
}

TEST_F(ServiceReconcilerTest, AConflictIsTriedAgainWithTheNewerService) {
  put(serviceJson("web"));
  sync();
  edit("web", {{"metadata", {{"labels", {{"new", "label"}}}}}});
  const auto outdated = once("web");
  ASSERT_FALSE(outdated);
  EXPECT_EQ(outdated.error().code, ErrorCode::kConflict);
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, DoesNotCreateTwiceWhileTheWatchIsSlow) {
  put(serviceJson("web"));
  fillServicesOnly();
  EXPECT_TRUE(once("web"));
  api_.clearWrites();
  fillServicesOnly();
  const auto result = once("web");
  ASSERT_TRUE(result);
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_GT(result->requeueAfter.count(), 0) << "looks again later";
  clock_.advance(std::chrono::minutes(1));
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  EXPECT_TRUE(once("web"));
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0")) << "a lost record comes back";
}

// Edits by hand.

TEST_F(ServiceReconcilerTest, ADeletedRecordComesBackWithTheSameAddress) {
  add("web");
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  settle("web");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, RecordsDeletedWhileNobodyLedComeBackFromWhatIsShown) {
  add("web");
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  put(serviceJson("a-waiter"));
  restart();
  settle("a-waiter");
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(shown("a-waiter"), "10.0.0.1");
}

TEST_F(ServiceReconcilerTest, AWipedStatusIsRepaired) {
  add("web");
  edit("web", {{"status", nullptr}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, AWipedStatusIsRepairedAfterARestart) {
  add("web");
  edit("web", {{"status", nullptr}});
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, AnEditedStatusIsRepaired) {
  add("web");
  edit("web", {{"status", {{"loadBalancer", {{"ingress", {{{"ip", "172.16.0.1"}}}}}}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, AnIpObjectThatSomebodyElseMadeIsNotTaken) {
  api_.put(kube::kIps, {{"metadata", {{"name", "web-10.0.0.0"}, {"namespace", "default"}}}});
  put(serviceJson("web"));
  sync();
  const auto result = once("web");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("IP default/web-10.0.0.0"));
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("RecordNameTaken"));
}

struct Refusal {
  const char* name;
  ErrorCode code;
};

void PrintTo(const Refusal& each, std::ostream* out) { *out << each.name; }

class RefusedRecordTest : public test::ClusterFixture, public testing::WithParamInterface<Refusal> {
 protected:
  void refuseRecords(bool refuse) {
    api_.setInterceptor([refuse](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
      return refuse && verb == Verb::kCreate
                 ? std::optional(Error{GetParam().code, "as the cluster wants it", 0, {}})
                 : std::nullopt;
    });
  }
};

INSTANTIATE_TEST_SUITE_P(Refusals, RefusedRecordTest,
                         testing::Values(Refusal{"Quota", ErrorCode::kForbidden},
                                         Refusal{"Schema", ErrorCode::kInvalid},
                                         Refusal{"NoSuchResource", ErrorCode::kNotFound},
                                         Refusal{"TerminatingResource", ErrorCode::kUnsupported}),
                         [](const auto& each) { return each.param.name; });

TEST_P(RefusedRecordTest, IsToldInTheConditionAndTriedAgain) {
  refuseRecords(true);
  put(serviceJson("web"));
  sync();
  EXPECT_FALSE(once("web"));
  sync();
  EXPECT_EQ(reason("web"), "RecordRefused");
  EXPECT_EQ(condition("web")["status"], "False");
  EXPECT_THAT(condition("web")["message"], HasSubstr("as the cluster wants it"));
  EXPECT_EQ(shown("web"), "");
  refuseRecords(false);
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

// Nodes serve what is shown while the condition is True.
TEST_P(RefusedRecordTest, OfAnAddressThatIsShownLeavesItAssigned) {
  add("web");
  refuseRecords(true);
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  sync();
  EXPECT_FALSE(once("web"));
  sync();
  EXPECT_FALSE(once("web"));
  EXPECT_EQ(reason("web"), "RecordRefused");
  EXPECT_EQ(condition("web")["status"], "True");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("Assigned", "RecordRefused"));
  refuseRecords(false);
  settle("web");
  EXPECT_EQ(reason("web"), "Assigned");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
}

TEST_P(RefusedRecordTest, OfAnAddressThatWasShownBeforeItTakesTheAddressBackForGood) {
  busy_ = true;
  refuseRecords(true);
  put(serviceJson("web"));
  sync();
  EXPECT_TRUE(once("web"));
  EXPECT_EQ(shown("web"), "10.0.0.0");
  for (int i = 0; i < 3; ++i) {
    sync();
    EXPECT_FALSE(once("web"));
    EXPECT_EQ(shown("web"), "");
  }
  EXPECT_EQ(reason("web"), "RecordRefused");
  EXPECT_EQ(condition("web")["status"], "False");
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("Assigned", "RecordRefused"));
  restart();
  EXPECT_FALSE(once("web"));
  EXPECT_EQ(shown("web"), "") << "nor does another leader show it before";
  refuseRecords(false);
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(reason("web"), "Assigned");
}

TEST_P(RefusedRecordTest, OfOneFamilyTakesBackThatOneAlone) {
  busy_ = true;
  setPools({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  json dual = serviceJson("web");
  dual["spec"]["ipFamilies"] = {"IPv4", "IPv6"};
  dual["spec"]["ipFamilyPolicy"] = "RequireDualStack";
  put(dual);
  sync();
  ASSERT_TRUE(once("web"));
  EXPECT_EQ(shown("web"), "10.0.0.0,2001:db8::");
  sync();
  api_.setInterceptor([](Verb verb, const kube::Resource&, const kube::ObjectKey& key) {
    return verb == Verb::kCreate && key.name == "web-2001.db8.0.0.0.0.0.0"
               ? std::optional(Error{GetParam().code, "one is enough", 0, {}})
               : std::nullopt;
  });
  EXPECT_FALSE(once("web"));
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(condition("web")["status"], "True");
  EXPECT_EQ(reason("web"), "RecordRefused");
}

TEST_P(RefusedRecordTest, IsWrittenOnceThoughTheServersWordsChange) {
  add("web");
  int number = 0;
  api_.setInterceptor([&number](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    return verb == Verb::kCreate
               ? std::optional(Error{GetParam().code, "refusal " + std::to_string(++number), 0, {}})
               : std::nullopt;
  });
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  for (int i = 0; i < 5; ++i) {
    sync();
    EXPECT_FALSE(once("web"));
  }
  EXPECT_THAT(condition("web")["message"], HasSubstr("refusal 1"));
  clock_.advance(std::chrono::minutes(2));
  EXPECT_FALSE(once("web"));
  EXPECT_THAT(condition("web")["message"], HasSubstr("refusal 6"));
}

TEST_P(RefusedRecordTest, DoesNotKeepAnEditedStatusFromBeingRepaired) {
  add("web");
  refuseRecords(true);
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  for (const json& edited : {json::array(), json::array({{{"ip", "172.16.0.1"}}})}) {
    edit("web", {{"status", {{"loadBalancer", {{"ingress", edited}}}}}});
    sync();
    EXPECT_FALSE(once("web"));
    EXPECT_EQ(shown("web"), "10.0.0.0");
    EXPECT_EQ(condition("web")["status"], "True");
    clock_.advance(std::chrono::minutes(2));
  }
}

TEST_P(RefusedRecordTest, OfAnAddressAskedForLeavesTheOneThatIsShown) {
  add("web");
  refuseRecords(true);
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.7"}}}}}});
  sync();
  EXPECT_FALSE(once("web"));
  sync();
  EXPECT_EQ(reason("web"), "RecordRefused");
  EXPECT_EQ(condition("web")["status"], "True");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  refuseRecords(false);
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.7"));
}

TEST_F(ServiceReconcilerTest, ATokenThatIsNotAcceptedIsNoRefusalOfARecord) {
  add("web");
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  api_.setInterceptor([](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    return verb == Verb::kCreate
               ? std::optional(Error{ErrorCode::kForbidden, "Unauthorized", 401, {}})
               : std::nullopt;
  });
  sync();
  EXPECT_FALSE(once("web"));
  EXPECT_EQ(reason("web"), "Assigned");
}

// An IP object that names a Service as its owner is no way around the Pools.
TEST_F(ServiceReconcilerTest, AForgedRecordGivesNothing) {
  model::Pool shop = pool("shop", {"192.0.2.0/24"});
  shop.namespaces = {"shop"};
  setPools({pool("a", {"10.0.0.0/24"}), shop});
  put(serviceJson("web"));
  api_.put(kube::kIps, {{"metadata",
                         {{"name", "web-192.0.2.1"},
                          {"namespace", "default"},
                          {"ownerReferences",
                           {{{"apiVersion", "v1"},
                             {"kind", "Service"},
                             {"name", "web"},
                             {"uid", service("web")["metadata"]["uid"]}}}}}},
                        {"spec", {{"address", "192.0.2.1"}, {"pool", "shop"}}}});
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
}

// Only our own status is written.

json shownByOthers(const std::string& name, const std::string& address) {
  json foreign = serviceJson(name);
  foreign["status"] = {{"loadBalancer", {{"ingress", {{{"ip", address}}}}}}};
  return foreign;
}

TEST_F(ServiceReconcilerTest, AServiceOfAnotherClassIsLeftAsItIs) {
  json foreign = shownByOthers("traefik", "10.0.0.0");
  foreign["spec"]["loadBalancerClass"] = "example.com/other";
  put(foreign);
  settle("traefik");
  EXPECT_EQ(api_.writeCount(), 0U);
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.1") << "what it shows is not given";
}

TEST_F(ServiceReconcilerTest, AnIngressThatWeDidNotGiveIsLeftAsItIs) {
  put(shownByOthers("old", "10.0.0.0"));
  settle("old");
  restart();
  settle("old");
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_EQ(shown("old"), "10.0.0.0");
  EXPECT_THAT(events_.reasons({"default", "old"}), ElementsAre("ForeignAddress"));
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.1");
}

// A bare claim of somebody who may create IP objects would prove a grant at the next restart.
TEST_F(ServiceReconcilerTest, AnIpObjectThatNamesAServiceThatIsLeftAloneIsRemoved) {
  put(serviceJson("old"));
  edit("old", {{"status", {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.0"}}}}}}}}});
  settle("old");
  const json owner = {{"apiVersion", "v1"},
                      {"kind", "Service"},
                      {"name", "old"},
                      {"uid", service("old")["metadata"]["uid"]}};
  api_.put(kube::kIps, {{"metadata",
                         {{"name", "old-10.0.0.0"},
                          {"namespace", "default"},
                          {"ownerReferences", json::array({owner})}}},
                        {"spec", {{"address", "10.0.0.0"}}}});
  settle("old");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
}

TEST_F(ServiceReconcilerTest, WithRequireClassAServiceWithoutClassIsNotOurs) {
  options_.classes.required = true;
  restart();
  add("web");
  EXPECT_EQ(api_.writeCount(), 0U);
  edit("web", {{"spec", {{"loadBalancerClass", "barevip.dev/barevip"}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, FlagsThatNoLongerServeAClassReleaseNothing) {
  options_.classes.names.emplace_back("example.com/lb");
  restart();
  add("web");
  add("classed");
  edit("classed", {{"spec", {{"loadBalancerClass", "example.com/lb"}}}});
  settle("classed");
  options_.classes = {true, {"barevip.dev/barevip"}};
  restart();
  for (const char* name : {"web", "classed"}) {
    settle(name);
    EXPECT_EQ(shown(name), std::string(name) == "web" ? "10.0.0.0" : "10.0.0.1");
    EXPECT_EQ(condition(name)["status"], "True") << name;
    EXPECT_EQ(reason(name), "ClassNotServed") << name;
  }
  EXPECT_THAT(ipObjectNames(), ElementsAre("classed-10.0.0.1", "web-10.0.0.0"));
  api_.clearWrites();
  restart();
  settle("web");
  EXPECT_EQ(api_.writeCount(), 0U) << "the same after a restart";
  options_.classes = {false, {"example.com/lb"}};
  restart();
  for (const char* name : {"web", "classed"}) {
    settle(name);
    EXPECT_EQ(reason(name), "Assigned") << name;
  }
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, WithRequireClassAnAddressThatHadNoRecordYetIsKept) {
  addInBurst("web");
  busy_ = false;
  options_.classes.required = true;
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
}

TEST_F(ServiceReconcilerTest, AnotherClassThanTheRecordedOneReleasesWhateverTheFlagsSay) {
  for (const bool restarted : {false, true}) {
    add("web");
    edit("web", {{"spec", {{"loadBalancerClass", "example.com/other"}}}});
    if (restarted) restart();
    settle("web");
    EXPECT_EQ(shown("web"), "") << restarted;
    EXPECT_THAT(ipObjectNames(), IsEmpty());
    api_.erase(kube::kServices, {"default", "web"});
    settle("web");
  }
}

TEST_F(ServiceReconcilerTest, NoPoolsAtAllWipeNothing) {
  add("web");
  setPools({});
  settle("web");
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, AShrunkPoolRenumbersNobody) {
  add("one");
  add("two");
  setPools({pool("a", {"10.0.0.0"})});
  settle("two");
  restart();
  settle("two");
  EXPECT_EQ(shown("two"), "10.0.0.1");
  add("three");
  EXPECT_EQ(reason("three"), "PoolExhausted");
}

// A webhook that cannot be reached, an API server that does not answer.

TEST_F(ServiceReconcilerTest, ARecordThatCannotBeWrittenIsSaidWithinHalfAMinute) {
  api_.setInterceptor([](Verb verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kCreate || resource != kube::kIps) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "failed calling webhook"};
  });
  for (const bool burst : {false, true}) {
    const std::string name = burst ? "burst" : "one";
    busy_ = burst;
    put(serviceJson(name));
    sync();
    (void)once(name);
    EXPECT_EQ(shown(name), burst ? "10.0.0.1" : "");
    const MonotonicTime start = clock_.now();
    // As the queue does: each pause twice as long as the one before.
    for (std::chrono::milliseconds pause{5}; reason(name) != "RecordRefused"; pause *= 2) {
      clock_.advance(pause);
      sync();
      EXPECT_FALSE(once(name));
      ASSERT_LT(clock_.now() - start, std::chrono::seconds(25));
    }
    sync();
    EXPECT_FALSE(once(name));
    EXPECT_EQ(shown(name), "") << "no node announces it";
    EXPECT_EQ(condition(name)["status"], "False");
    EXPECT_THAT(condition(name)["message"], HasSubstr("failed calling webhook"));
    EXPECT_EQ(events_.reasons({"default", name}).back(), "RecordRefused");
  }
  api_.setInterceptor({});
  busy_ = false;
  settle("burst");
  EXPECT_EQ(reason("burst"), "Assigned");
  EXPECT_EQ(shown("burst"), "10.0.0.1");
}

TEST_F(ServiceReconcilerTest, OfANamespaceThatGoesOrWentNobodyIsToldAnything) {
  const Error cases[] = {
      {ErrorCode::kNotFound, "namespaces \"default\" not found", 404, {}},
      {ErrorCode::kForbidden,
       "ips.barevip.dev \"web-10.0.0.0\" is forbidden: unable to create new content in namespace "
       "default because it is being terminated",
       403,
       {}}};
  for (const Error& error : cases) {
    api_.setInterceptor([&](Verb verb, const kube::Resource& resource,
                            const kube::ObjectKey&) -> std::optional<Error> {
      if (verb != Verb::kCreate || resource != kube::kIps) return std::nullopt;
      return error;
    });
    put(serviceJson("web"));
    sync();
    for (int tries = 0; tries < 3; ++tries) {
      EXPECT_FALSE(once("web")) << error.message;
      EXPECT_EQ(reason("web"), "") << error.message;
      clock_.advance(std::chrono::minutes(1));
    }
  }
}

TEST_F(ServiceReconcilerTest, AShortOutageIsNotSaid) {
  api_.setInterceptor([](Verb verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kCreate || resource != kube::kIps) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "no answer"};
  });
  put(serviceJson("web"));
  sync();
  EXPECT_FALSE(once("web"));
  clock_.advance(std::chrono::seconds(9));
  EXPECT_FALSE(once("web"));
  EXPECT_EQ(reason("web"), "");
}

TEST_F(ServiceReconcilerTest, AStatusThatCannotBeWrittenForLongIsReported) {
  api_.setInterceptor([](Verb verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kPatchStatus || resource != kube::kServices) return std::nullopt;
    return Error{ErrorCode::kForbidden, "denied by a policy", 403, {}};
  });
  put(serviceJson("web"));
  sync();
  EXPECT_FALSE(once("web"));
  EXPECT_THAT(events_.reasons({"default", "web"}), IsEmpty()) << "it may pass";
  clock_.advance(std::chrono::seconds(15));
  EXPECT_FALSE(once("web"));
  EXPECT_THAT(events_.reasons({"default", "web"}), ElementsAre("StatusRefused"));
  EXPECT_THAT(events_.all().back().note, HasSubstr("denied by a policy"));
}

// Release.

TEST_F(ServiceReconcilerTest, ADeletedServiceFreesItsAddress) {
  add("web");
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
  add("other");
  EXPECT_EQ(shown("other"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, AServiceDeletedWhileNobodyLedFreesItsAddress) {
  add("web");
  api_.erase(kube::kServices, {"default", "web"});
  restart();
  settle("web");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
  add("other");
  EXPECT_EQ(shown("other"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, TheRecordGoesBeforeTheAddressCanBeGivenAgain) {
  setPools({pool("a", {"10.0.0.0"})});
  add("web");
  api_.erase(kube::kServices, {"default", "web"});
  put(serviceJson("other"));
  sync();
  api_.setInterceptor([](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    return verb == Verb::kDelete ? std::optional(status(ErrorCode::kUnavailable)) : std::nullopt;
  });
  EXPECT_FALSE(once("web"));
  EXPECT_TRUE(once("other"));
  EXPECT_EQ(reason("other"), "PoolExhausted");
}

TEST_F(ServiceReconcilerTest, ATypeChangeTakesTheAddressBackAndForth) {
  add("web");
  edit("web", {{"spec", {{"type", "ClusterIP"}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "");
  EXPECT_EQ(condition("web"), json::object());
  EXPECT_THAT(ipObjectNames(), IsEmpty());
  edit("web", {{"spec", {{"type", "LoadBalancer"}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceReconcilerTest, AServiceThatGoesToAnotherClassLosesOnlyWhatWeGave) {
  add("web");
  edit("web",
       {{"spec", {{"loadBalancerClass", "example.com/other"}}},
        {"status",
         {{"loadBalancer", {{"ingress", {{{"ip", "172.16.0.1"}}, {{"ip", "10.0.0.0"}}}}}}}}});
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "172.16.0.1");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
}

TEST_F(ServiceReconcilerTest, AServiceThatIsBeingDeletedKeepsItsAddressToTheEnd) {
  add("web");
  api_.clearWrites();
  edit("web",
       {{"metadata",
         {{"deletionTimestamp", "2030-01-01T00:00:00Z"}, {"finalizers", {"example.com/wait"}}}}});
  settle("web");
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(ServiceReconcilerTest, AServiceCreatedAnewUnderTheSameNameHasItsOwnRecord) {
  add("web");
  api_.erase(kube::kServices, {"default", "web"});
  put(serviceJson("web"));
  settle("web");
  const json ipObject = *api_.object(kube::kIps, {"default", "web-10.0.0.0"});
  EXPECT_EQ(ipObject["metadata"]["ownerReferences"][0]["uid"], service("web")["metadata"]["uid"]);
}

TEST_F(ServiceReconcilerTest, ARecordOnItsWayIsNotTakenForThatOfTheServiceCreatedAnew) {
  put(serviceJson("web"));
  fillServicesOnly();
  ASSERT_TRUE(once("web"));
  api_.erase(kube::kServices, {"default", "web"});
  put(serviceJson("web"));
  fillServicesOnly();
  ASSERT_TRUE(once("web"));
  const json ipObject = *api_.object(kube::kIps, {"default", "web-10.0.0.0"});
  EXPECT_EQ(ipObject["metadata"]["ownerReferences"][0]["uid"], service("web")["metadata"]["uid"]);
}

TEST_F(ServiceReconcilerTest, ARecordThatWasRefusedAtRestoreIsThatOfWhoGivesTheAddressLater) {
  struct Case {
    std::string service;
    std::string address;
    std::string writer;  ///< the Pool that the record names
  };
  for (const auto& [name, address, writer] :
       {Case{"web", "10.0.0.0", "a"}, Case{"tls", "10.0.0.1", "gone"}}) {
    put(serviceJson(name));
    const json owner = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"name", name},
                        {"uid", service(name)["metadata"]["uid"]}};
    const std::string record = name + "-" + address;
    api_.put(
        kube::kIps,
        {{"metadata", {{"name", record}, {"namespace", "default"}, {"ownerReferences", {owner}}}},
         {"spec", {{"pool", writer}, {"address", address}, {"family", "IPv4"}}}});
    setPools({});
    restart();
    setPools({pool("a", {"10.0.0.0/24"})});
    ipObjectUses_.clear();
    ASSERT_TRUE(once(name));
    EXPECT_EQ(shown(name), address);
    EXPECT_EQ(api_.object(kube::kIps, {"default", record})->at("spec")["pool"], "a");
    EXPECT_THAT(ipObjectUses_, testing::Contains(record)) << "it is looked at, to be bound";
  }
}

// Changed requests.

TEST_F(ServiceReconcilerTest, AChangedRequestMovesMakeBeforeBreak) {
  add("web");
  api_.clearWrites();
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.9"}}}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.9");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.9"));
  const auto writes = api_.writes();
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_EQ(writes[0].verb, Verb::kCreate);
  EXPECT_EQ(writes[1].verb, Verb::kPatchStatus);
  EXPECT_EQ(writes[2].verb, Verb::kDelete);
}

TEST_F(ServiceReconcilerTest, ARequestThatCannotBeMetKeepsTheOldAddressAndSaysSo) {
  add("other");
  add("web");
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.0"}}}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.1");
  EXPECT_EQ(reason("web"), "AddressHeld");
  EXPECT_THAT(condition("web")["message"], HasSubstr("the Service keeps 10.0.0.1"));
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.1");
}

TEST_F(ServiceReconcilerTest, AMoveThatACrashInterruptedIsFinished) {
  add("web");
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.9"}}}}}});
  sync();
  api_.setInterceptor([](Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    return verb == Verb::kDelete ? std::optional(status(ErrorCode::kUnavailable)) : std::nullopt;
  });
  EXPECT_FALSE(once("web"));
  api_.setInterceptor({});
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.9");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.9"));
  add("other");
  EXPECT_EQ(shown("other"), "10.0.0.0");
}

}  // namespace
}  // namespace barevip::assigner
