// SPDX-License-Identifier: Apache-2.0
// What happens to a Service that has its address while the world around it changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "unit/assigner/cluster_fixture.h"

namespace barevip::assigner {
namespace {

using namespace std::chrono_literals;
using test::json;
using test::pool;
using test::serviceJson;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ServiceLifeTest : public test::ClusterFixture {
 protected:
  [[nodiscard]] std::vector<std::string> events(const std::string& name) const {
    return events_.reasons({"default", name});
  }

  void labelNamespace(const json& labels) {
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "default"}, {"labels", labels}}}});
  }

  /// As another load balancer leaves it behind.
  static json showing(const std::string& name, const std::vector<std::string>& addresses) {
    json service = serviceJson(name);
    json ingress = json::array();
    for (const std::string& address : addresses) ingress.push_back({{"ip", address}});
    service["status"] = {{"loadBalancer", {{"ingress", ingress}}}};
    return service;
  }

  /// As a backup has it, or as a leader wrote it whose patch came late.
  static json restored(const std::string& name, const std::vector<std::string>& addresses,
                       const std::string& status = "True") {
    json service = showing(name, addresses);
    std::string message;
    for (const auto& each : addresses) message += (message.empty() ? "" : ", ") + each;
    service["status"]["conditions"] = {{{"type", kAddressAssigned},
                                        {"status", status},
                                        {"reason", status == "True" ? "Assigned" : "BadRequest"},
                                        {"message", message + " assigned"},
                                        {"lastTransitionTime", "2030-01-01T00:00:00Z"}}};
    return service;
  }

  /// Somebody else writes into the status.
  void overwrite(const std::string& name, const json& ingress) {
    edit(name, {{"status", {{"loadBalancer", {{"ingress", ingress}}}}}});
    sync();
  }
};

model::Pool restricted(const std::function<void(model::Pool&)>& how) {
  model::Pool result = pool("a", {"10.0.0.0/24"});
  how(result);
  return result;
}

// Rules that change under a Service that has its address.

TEST_F(ServiceLifeTest, AnAddressThatWouldNotBeGivenAgainIsKeptAndThisIsSaid) {
  struct Case {
    const char* what;
    std::vector<model::Pool> pools;
    const char* reason;
  };
  const Case cases[] = {
      {"ignored", {restricted([](auto& p) { p.ignoreNamespaces = {"default"}; })}, "NotAdmitted"},
      {"others only", {restricted([](auto& p) { p.namespaces = {"shop"}; })}, "NotAdmitted"},
      {"namespace's labels",
       {restricted([](auto& p) {
         p.namespaceSelector = model::LabelSelector{{{"a", "b"}}, {}};
       })},
       "NotAdmitted"},
      {"its own labels",
       {restricted([](auto& p) {
         p.serviceSelector = model::LabelSelector{{{"a", "b"}}, {}};
       })},
       "NotAdmitted"},
      {"shrunk", {pool("a", {"10.0.0.99"})}, "OutsidePool"},
      {"deleted", {}, "OutsidePool"},
      {"being deleted", {restricted([](auto& p) { p.deleting = true; })}, "OutsidePool"},
  };
  add("web");
  for (const Case& each : cases) {
    setPools(each.pools);
    settle("web");
    EXPECT_EQ(shown("web"), "10.0.0.0") << each.what;
    EXPECT_EQ(condition("web")["status"], "True") << each.what;
    EXPECT_EQ(reason("web"), each.reason) << each.what;
    EXPECT_THAT(condition("web")["message"], HasSubstr("10.0.0.0 assigned; ")) << each.what;
    api_.clearWrites();
    restart();
    settle("web");
    EXPECT_EQ(api_.writeCount(), 0U) << each.what << ": the same after a restart";
    setPools({pool("a", {"10.0.0.0/24"})});
    settle("web");
    EXPECT_EQ(reason("web"), "Assigned") << each.what << ": mended";
  }
}

TEST_F(ServiceLifeTest, OneEventForEachChangeOfReason) {
  add("web");
  setPools({restricted([](auto& p) { p.ignoreNamespaces = {"default"}; })});
  settle("web");
  setPools({restricted([](auto& p) { p.namespaces = {"shop"}; })});
  settle("web");
  setPools({pool("a", {"10.0.0.0/24"})});
  settle("web");
  EXPECT_THAT(events("web"), ElementsAre("Assigned", "NotAdmitted", "Assigned"));
}

TEST_F(ServiceLifeTest, LabelsOfTheNamespaceAndOfTheServiceCount) {
  model::Pool edge = pool("a", {"10.0.0.0/24"});
  edge.namespaceSelector = model::LabelSelector{{{"tier", "edge"}}, {}};
  edge.serviceSelector = model::LabelSelector{{{"app", "web"}}, {}};
  setPools({edge});
  labelNamespace({{"tier", "edge"}});
  json web = serviceJson("web");
  web["metadata"]["labels"] = {{"app", "web"}};
  put(web);
  settle("web");
  EXPECT_EQ(reason("web"), "Assigned");
  labelNamespace(json::object());
  settle("web");
  EXPECT_EQ(reason("web"), "NotAdmitted");
  EXPECT_THAT(condition("web")["message"], HasSubstr("namespaceSelector"));
  labelNamespace({{"tier", "edge"}});
  edit("web", {{"metadata", {{"labels", {{"app", "other"}}}}}});
  settle("web");
  EXPECT_EQ(reason("web"), "NotAdmitted");
  EXPECT_THAT(condition("web")["message"], HasSubstr("serviceSelector"));
  edit("web", {{"metadata", {{"labels", {{"app", "web"}}}}}});
  settle("web");
  EXPECT_EQ(reason("web"), "Assigned");
}

TEST_F(ServiceLifeTest, ASelectorThatMatchesNothingAdmitsNobodyByNumberOrName) {
  setPools({restricted([](auto& p) {
    p.serviceSelector = model::LabelSelector{{{"a", "b"}}, {}};
  })});
  allocator_->with([](Allocator& allocator) {
    allocator.restoreReservation({"default", "front-door"}, test::ip("10.0.0.9"), "a", "", {});
  });
  const json requests[] = {{{"barevip.dev/address", "10.0.0.7"}},
                           {{"barevip.dev/pool", "a"}},
                           {{"barevip.dev/ip", "front-door"}}};
  for (const json& request : requests) {
    json web = serviceJson("web");
    web["metadata"]["annotations"] = request;
    put(web);
    settle("web");
    EXPECT_EQ(shown("web"), "") << request;
    EXPECT_EQ(reason("web"), "NoPoolAdmits") << request;
    api_.erase(kube::kServices, {"default", "web"});
    settle("web");
  }
}

// Pools that are renamed, split, merged, made to overlap.

model::Pool going(model::Pool pool) {
  pool.deleting = true;
  return pool;
}

TEST_F(ServiceLifeTest, PoolsMayBeRebuiltUnderTheConsumers) {
  struct Case {
    const char* what;
    std::vector<std::vector<model::Pool>> steps;
  };
  const auto born = [](model::Pool pool, std::int64_t at) {
    pool.creationSeconds = at;
    return pool;
  };
  const model::Pool a = pool("a", {"10.0.0.0/24"});
  const model::Pool b = born(pool("b", {"10.0.0.0/24"}), 1);
  const model::Pool low = born(pool("low", {"10.0.0.0/25"}), 1);
  const model::Pool high = born(pool("high", {"10.0.0.128/25"}), 1);
  const model::Pool wide = born(pool("wide", {"10.0.0.0/16"}), 2);
  const Case cases[] = {
      {"renamed, the new one first", {{a, b}, {going(a), b}, {b}}},
      {"renamed, the old one first", {{going(a)}, {going(a), b}, {b}}},
      {"split", {{a, low, high}, {going(a), low, high}, {low, high}}},
      {"split by an edit", {{pool("a", {"10.0.0.0/25"}), high}}},
      {"merged into a wider one", {{a, wide}, {going(a), wide}, {wide}}},
      {"made to overlap and back", {{a, wide}, {a}}},
  };
  for (const Case& each : cases) {
    setPools({a});
    for (const char* name : {"one", "two"}) {
      json wants = serviceJson(name);
      const bool second = std::string(name) == "two";
      wants["metadata"]["annotations"] = {
          {"barevip.dev/address", second ? "10.0.0.200" : "10.0.0.1"}};
      put(wants);
      settle(name);
    }
    for (const auto& step : each.steps) {
      setPools(step);
      settle("one");
      settle("two");
    }
    restart();
    for (const char* name : {"one", "two"}) {
      settle(name);
      EXPECT_EQ(reason(name), "Assigned") << each.what;
    }
    EXPECT_EQ(shown("one"), "10.0.0.1") << each.what;
    EXPECT_EQ(shown("two"), "10.0.0.200") << each.what;
  }
}

// Class, type and family that change and change back.

TEST_F(ServiceLifeTest, AClassThatChangesAndChangesBack) {
  add("web");
  edit("web", {{"spec", {{"loadBalancerClass", "example.com/other"}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
  edit("web", {{"spec", {{"loadBalancerClass", "barevip.dev/barevip"}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
}

TEST_F(ServiceLifeTest, AFamilyThatComesAndGoesLeavesTheOtherAddressAlone) {
  setPools({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  add("web");
  edit("web",
       {{"spec", {{"ipFamilyPolicy", "RequireDualStack"}, {"ipFamilies", {"IPv4", "IPv6"}}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0,2001:db8::");
  edit("web", {{"spec", {{"ipFamilyPolicy", "SingleStack"}, {"ipFamilies", {"IPv4"}}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
  add("six");
  edit("six", {{"spec", {{"ipFamilies", {"IPv6"}}}}});
  settle("six");
  EXPECT_EQ(shown("six"), "2001:db8::") << "what the first one gave back";
}

TEST_F(ServiceLifeTest, AllThatAServiceHadIsFreeWhenItWasDeletedWhileNobodyLed) {
  setPools({pool("a", {"10.0.0.0", "2001:db8::"})});
  json dual = serviceJson("web");
  dual["spec"]["ipFamilies"] = {"IPv4", "IPv6"};
  dual["spec"]["ipFamilyPolicy"] = "RequireDualStack";
  put(dual);
  settle("web");
  api_.erase(kube::kServices, {"default", "web"});
  restart();
  dual["metadata"]["name"] = "next";
  put(dual);
  settle("web");
  settle("next");
  EXPECT_EQ(shown("next"), "10.0.0.0,2001:db8::");
  EXPECT_THAT(ipObjectNames(), ElementsAre("next-10.0.0.0", "next-2001.db8.0.0.0.0.0.0"));
}

// Namespaces come by a watch of their own.

TEST_F(ServiceLifeTest, ANamespaceThatTheWatchDoesNotShowYetDecidesAboutThePool) {
  model::Pool edge = pool("edge", {"10.0.1.0/24"});
  edge.namespaceSelector = model::LabelSelector{{{"tier", "edge"}}, {}};
  setPools({edge, pool("open", {"10.0.0.0/24"})});
  for (const char* ns : {"default", "late"}) {  // an old label; no Namespace at all
    api_.put(kube::kNamespaces, {{"metadata", {{"name", ns}, {"labels", {{"tier", "edge"}}}}}});
    json web = serviceJson("web");
    web["metadata"]["namespace"] = ns;
    put(web);
    fillServicesOnly();
    ASSERT_TRUE(reconciler_->reconcile({ns, "web"}, {}));
    const auto object = api_.object(kube::kServices, {ns, "web"});
    EXPECT_THAT((*object)["status"]["loadBalancer"]["ingress"][0]["ip"].get<std::string>(),
                testing::StartsWith("10.0.1."))
        << ns;
  }
}

TEST_F(ServiceLifeTest, WithoutAnAnswerAboutItsNamespaceAServiceWaits) {
  model::Pool edge = pool("edge", {"10.0.1.0/24"});
  edge.namespaceSelector = model::LabelSelector{{{"tier", "edge"}}, {}};
  setPools({edge, pool("open", {"10.0.0.0/24"})});
  api_.setInterceptor([](kube::FakeApi::Verb verb, const kube::Resource&,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != kube::FakeApi::Verb::kGet) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "no answer"};
  });
  put(serviceJson("web"));
  fillServicesOnly();
  EXPECT_FALSE(once("web"));
  EXPECT_EQ(shown("web"), "");
  api_.setInterceptor({});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceLifeTest, InANamespaceThatIsDeletedNothingIsMadeAgain) {
  add("web");
  api_.put(kube::kNamespaces, {{"metadata",
                                {{"name", "default"},
                                 {"finalizers", {"kubernetes"}},
                                 {"deletionTimestamp", "2030-01-01T00:00:00Z"}}}});
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  api_.clearWrites();
  settle("web");
  put(serviceJson("late"));
  settle("late");
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_EQ(shown("web"), "10.0.0.0") << "until it is gone";
}

// A status that is there before we look: the same while we lead as before we do.

TEST_F(ServiceLifeTest, WhatARestoredServiceShowsIsKeptWhileWeLeadAsBeforeWeDid) {
  setPools({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  for (const bool restarted : {false, true}) {
    json web = restored("web", {"10.0.0.7", "2001:db8::7"});
    web["spec"]["ipFamilies"] = {"IPv4", "IPv6"};
    web["spec"]["ipFamilyPolicy"] = "RequireDualStack";
    put(web);
    if (restarted) restart();
    settle("web");
    EXPECT_EQ(shown("web"), "10.0.0.7,2001:db8::7") << restarted;
    EXPECT_EQ(reason("web"), "Assigned");
    EXPECT_THAT(ipObjectNames(), testing::SizeIs(2));
    api_.erase(kube::kServices, {"default", "web"});
    settle("web");
  }
}

TEST_F(ServiceLifeTest, ARestoredServiceThatAsksForWhatItShowsHasItAtOnce) {
  json web = restored("web", {"10.0.0.7"});
  web["metadata"]["annotations"] = {{"barevip.dev/address", "10.0.0.7"}};
  put(web);
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  EXPECT_THAT(events("web"), IsEmpty()) << "nothing changed for anybody";
}

TEST_F(ServiceLifeTest, AServiceReplacedByItsBackupKeepsWhatTheBackupShows) {
  add("web");
  api_.erase(kube::kServices, {"default", "web"});
  put(restored("web", {"10.0.0.7"}));
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.7"));
}

TEST_F(ServiceLifeTest, RestoredServicesThatShareAnAddressKeepItTogether) {
  for (const auto& [name, port] : {std::pair("one", 80), std::pair("two", 443)}) {
    json service = restored(name, {"10.0.0.7"});
    service["metadata"]["annotations"] = {{"barevip.dev/share", "k"}};
    service["spec"]["ports"] = {{{"port", port}}};
    put(service);
    settle(name);
    EXPECT_EQ(shown(name), "10.0.0.7") << name;
  }
}

TEST_F(ServiceLifeTest, ARestoredStatusDoesNotGetAroundConsumersAndPools) {
  add("holder");  // 10.0.0.0
  model::Pool kept = pool("kept", {"10.0.1.0/24"});
  kept.namespaces = {"shop"};
  setPools({pool("a", {"10.0.0.0/24"}), kept});
  for (const char* address : {"10.0.0.0", "10.0.1.7", "192.0.2.1"}) {
    put(restored("web", {address}));
    settle("web");
    EXPECT_EQ(shown("web"), "10.0.0.1") << address;
    api_.erase(kube::kServices, {"default", "web"});
    settle("web");
  }
  EXPECT_EQ(shown("holder"), "10.0.0.0");
}

// A restore is two requests: the Service, which may have another address before its status follows.

TEST_F(ServiceLifeTest, AStatusRestoredAfterTheFirstLookIsKept) {
  setPools({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  for (const bool restarted : {false, true}) {
    json web = serviceJson("web");
    web["spec"]["ipFamilies"] = {"IPv4", "IPv6"};
    web["spec"]["ipFamilyPolicy"] = "RequireDualStack";
    put(web);
    settle("web");
    ASSERT_EQ(shown("web"), "10.0.0.0,2001:db8::");
    edit("web", {{"status", restored("web", {"10.0.0.7", "2001:db8::7"})["status"]}});
    if (restarted) restart();
    settle("web");
    EXPECT_EQ(shown("web"), "10.0.0.7,2001:db8::7") << restarted;
    EXPECT_EQ(reason("web"), "Assigned");
    EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.7", "web-2001.db8.0.0.0.0.0.7"));
    add("next");
    EXPECT_EQ(shown("next"), "10.0.0.0") << "what it had first is free";
    for (const char* name : {"web", "next"}) {
      api_.erase(kube::kServices, {"default", name});
      settle(name);
    }
  }
}

TEST_F(ServiceLifeTest, AStatusRestoredLaterDoesNotGetAroundRequestsConsumersAndPools) {
  struct Case {
    const char* what;
    json annotations;
    const char* address;
    const char* kept;
  };
  const Case cases[] = {
      {"held by another one", json::object(), "10.0.0.0", "10.0.0.1"},
      {"in no Pool", json::object(), "192.0.2.1", "10.0.0.1"},
      {"it asks for a number", {{"barevip.dev/address", "10.0.0.3"}}, "10.0.0.7", "10.0.0.3"},
      {"it asks for a Pool", {{"barevip.dev/pool", "b"}}, "10.0.0.7", "10.0.1.0"}};
  setPools({pool("a", {"10.0.0.0/24"}), pool("b", {"10.0.1.0/24"})});
  add("holder");  // 10.0.0.0
  for (const Case& each : cases) {
    json web = serviceJson("web");
    web["metadata"]["annotations"] = each.annotations;
    put(web);
    settle("web");
    ASSERT_EQ(shown("web"), each.kept) << each.what;
    edit("web", {{"status", restored("web", {each.address})["status"]}});
    settle("web");
    EXPECT_EQ(shown("web"), each.kept) << each.what;
    api_.erase(kube::kServices, {"default", "web"});
    settle("web");
  }
  EXPECT_EQ(shown("holder"), "10.0.0.0");
}

TEST_F(ServiceLifeTest, AnIngressEditedByHandIsNoRestoredStatus) {
  add("web");
  overwrite("web", {{{"ip", "10.0.0.7"}, {"ipMode", "Proxy"}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(ServiceLifeTest, OurOwnEarlierStatusThatIsSeenLateMovesNoServiceBack) {
  add("web");  // 10.0.0.0
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/pool", "b"}}}}}});
  setPools({pool("a", {"10.0.0.0/24"}), pool("b", {"10.0.1.0/24"})});
  sync();
  ASSERT_TRUE(once("web"));
  ASSERT_EQ(shown("web"), "10.0.1.0");
  setPools({pool("b", {"10.0.0.0/23"})});  // now it may have either
  (void)once("web");                       // the watch shows what was before
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.1.0");
}

TEST_F(ServiceLifeTest, WhatAServiceKeepsAlthoughItsRequestIsRefusedOutlivesItsRecord) {
  add("web");
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "soon"}}}}}});
  settle("web");
  ASSERT_EQ(condition("web")["status"], "False");
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  restart();
  settle("web");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
  EXPECT_THAT(events("web"), testing::Not(testing::Contains("ForeignAddress")));
  edit("web", {{"metadata", {{"annotations", nullptr}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(reason("web"), "Assigned");
}

TEST_F(ServiceLifeTest, WhatSomebodyElseShowsOnAServiceThatWaitsIsNotOurs) {
  setPools({});
  add("web");
  ASSERT_EQ(reason("web"), "NoPool");
  setPools({pool("a", {"10.0.0.0/24"})});
  overwrite("web", {{{"ip", "10.0.0.9"}}});
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.9");
  EXPECT_THAT(ipObjectNames(), IsEmpty());
}

TEST_F(ServiceLifeTest, ARequestForAnotherPoolIsNotForgottenWithTheRecord) {
  setPools({pool("a", {"10.0.0.0/24"}), pool("b", {"10.0.1.0/24"})});
  add("web");
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/pool", "b"}}}}}});
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.1.0");
}

TEST_F(ServiceLifeTest, AServiceMadeAnewBetweenRestoreAndTheFirstLookInheritsNothing) {
  model::Pool gold = pool("a", {"10.0.0.0/24"});
  gold.serviceSelector = model::LabelSelector{{{"tier", "gold"}}, {}};
  setPools({gold});
  json web = serviceJson("web");
  web["metadata"]["labels"] = {{"tier", "gold"}};
  put(web);
  settle("web");
  restart();
  api_.erase(kube::kServices, {"default", "web"});
  put(serviceJson("web"));
  settle("web");
  EXPECT_EQ(shown("web"), "");
  EXPECT_EQ(reason("web"), "NoPoolAdmits");
}

TEST_F(ServiceLifeTest, WhoeverServesItNextFindsHisOwnEntryAsHeWroteIt) {
  add("web");
  const json theirs = {
      {"ip", "172.16.0.1"},
      {"ports", {{{"port", 80}, {"protocol", "TCP"}, {"error", "example.com/NO"}}}},
      {"whatever", "comes"}};
  edit("web",
       {{"spec", {{"loadBalancerClass", "example.com/other"}}},
        {"status",
         {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.0"}, {"ipMode", "Proxy"}}, theirs}}}}}}});
  settle("web");
  EXPECT_EQ(service("web")["status"]["loadBalancer"]["ingress"], json::array({theirs}));
}

// A status that somebody else writes.

TEST_F(ServiceLifeTest, EachEditOfTheStatusIsRepaired) {
  struct Case {
    const char* what;
    json patch;
  };
  const auto ingress = [](const json& entries) {
    return json{{"status", {{"loadBalancer", {{"ingress", entries}}}}}};
  };
  const json ours = {{"ip", "10.0.0.0"}, {"ipMode", "Proxy"}};
  const Case cases[] = {
      {"wiped", {{"status", nullptr}}},
      {"an entry appended", ingress({ours, {{"ip", "10.0.0.7"}, {"ipMode", "Proxy"}}})},
      {"a hostname appended", ingress({ours, {{"hostname", "lb.example.com"}}})},
      {"replaced by a hostname", ingress({{{"hostname", "lb.example.com"}}})},
      {"another ipMode", ingress({{{"ip", "10.0.0.0"}, {"ipMode", "VIP"}}})},
      {"no ipMode", ingress({{{"ip", "10.0.0.0"}}})},
      {"another address", ingress({{{"ip", "172.16.0.1"}}})},
      {"the condition removed", {{"status", {{"conditions", nullptr}}}}},
      {"the condition edited",
       {{"status",
         {{"conditions",
           {{{"type", kAddressAssigned},
             {"status", "False"},
             {"reason", "Nonsense"},
             {"message", ""},
             {"lastTransitionTime", "2030-01-01T00:00:00Z"}}}}}}}},
  };
  add("web");
  for (const Case& each : cases) {
    for (const bool restarted : {false, true}) {
      edit("web", each.patch);
      if (restarted) restart();
      settle("web");
      EXPECT_EQ(service("web")["status"]["loadBalancer"]["ingress"], json::array({ours}))
          << each.what;
      EXPECT_EQ(condition("web")["status"], "True") << each.what;
      EXPECT_EQ(reason("web"), "Assigned") << each.what;
      clock_.advance(10min);
    }
  }
}

TEST_F(ServiceLifeTest, AFightForTheStatusIsFoughtLessAndLessOftenAndSaidOnce) {
  const json theirs = {{{"ip", "172.16.0.1"}}};
  add("web");
  overwrite("web", theirs);
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0") << "the first repair is immediate";
  for (const auto pause : {10s, 20s, 40s}) {
    overwrite("web", theirs);
    const auto waits = once("web");
    ASSERT_TRUE(waits);
    EXPECT_EQ(waits->requeueAfter, pause);
    EXPECT_EQ(shown("web"), "172.16.0.1");
    clock_.advance(pause);
    settle("web");
    EXPECT_EQ(shown("web"), "10.0.0.0");
  }
  EXPECT_THAT(events("web"), ElementsAre("Assigned", "StatusOverwritten"));
}

TEST_F(ServiceLifeTest, AChoiceOfOurOwnIsWrittenInThePauseOfAFight) {
  const json theirs = {{{"ip", "172.16.0.1"}}};
  add("web");
  overwrite("web", theirs);
  settle("web");
  overwrite("web", theirs);
  ASSERT_GT(once("web")->requeueAfter, 0s);
  edit("web", {{"metadata", {{"annotations", {{"barevip.dev/address", "10.0.0.9"}}}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.9");
}

TEST_F(ServiceLifeTest, AServiceCreatedAnewDoesNotInheritAFight) {
  const json theirs = {{{"ip", "172.16.0.1"}}};
  add("web");
  overwrite("web", theirs);
  settle("web");
  overwrite("web", theirs);
  ASSERT_GT(once("web")->requeueAfter, 0s);
  api_.erase(kube::kServices, {"default", "web"});
  put(serviceJson("web"));
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_THAT(events("web"), ElementsAre("Assigned", "StatusOverwritten", "Assigned"));
}

TEST_F(ServiceLifeTest, ARecordComesBackInThePauseOfAFight) {
  const json theirs = {{{"ip", "172.16.0.1"}}};
  add("web");
  overwrite("web", theirs);
  settle("web");
  overwrite("web", theirs);
  api_.erase(kube::kIps, {"default", "web-10.0.0.0"});
  sync();
  ASSERT_GT(once("web")->requeueAfter, 0s);
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.0"));
}

// Adoption.

TEST_F(ServiceLifeTest, WhatAnotherLoadBalancerLeftIsAdoptedAtRestore) {
  options_.adopt = true;
  put(showing("a-waiter", {}));
  put(showing("old", {"10.0.0.0"}));
  restart();
  settle("a-waiter");
  settle("old");
  EXPECT_EQ(shown("a-waiter"), "10.0.0.1");
  EXPECT_EQ(service("old")["status"]["loadBalancer"]["ingress"],
            json::array({{{"ip", "10.0.0.0"}, {"ipMode", "Proxy"}}}));
  EXPECT_EQ(reason("old"), "Assigned");
  EXPECT_THAT(ipObjectNames(), ElementsAre("a-waiter-10.0.0.1", "old-10.0.0.0"));
  api_.clearWrites();
  options_.adopt = false;
  restart();
  settle("old");
  EXPECT_EQ(api_.writeCount(), 0U) << "ours for good";
}

TEST_F(ServiceLifeTest, WhatComesBackFromABackupIsAdoptedLater) {
  options_.adopt = true;
  restart();
  put(showing("old", {"10.0.0.7"}));
  settle("old");
  EXPECT_EQ(shown("old"), "10.0.0.7");
  EXPECT_THAT(ipObjectNames(), ElementsAre("old-10.0.0.7"));
  EXPECT_THAT(events("old"), ElementsAre("Adopted", "Assigned"));
}

TEST_F(ServiceLifeTest, WhatIsInNoPoolStaysForeignUntilOneHasIt) {
  options_.adopt = true;
  restart();
  put(showing("old", {"172.16.0.1"}));
  settle("old");
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_THAT(events("old"), ElementsAre("ForeignAddress"));
  EXPECT_THAT(waiters(), ElementsAre(kube::ObjectKey{"default", "old"}));
  setPools({pool("a", {"10.0.0.0/24"}), pool("b", {"172.16.0.0/24"})});
  settle("old");
  EXPECT_EQ(reason("old"), "Assigned");
  EXPECT_THAT(waiters(), IsEmpty());
}

TEST_F(ServiceLifeTest, AHostNameOfAnotherLoadBalancerIsReportedOnce) {
  json old = showing("old", {"10.0.0.7"});
  old["status"]["loadBalancer"]["ingress"][0] = {{"hostname", "lb.example.com"}};
  put(old);
  settle("old");
  settle("old");
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_THAT(events("old"), ElementsAre("ForeignAddress"));
}

TEST_F(ServiceLifeTest, WhatSomebodyElseHoldsStaysForeignUntilItIsFree) {
  options_.adopt = true;
  restart();
  add("web");
  put(showing("old", {"10.0.0.0"}));
  settle("old");
  settle("old");
  EXPECT_EQ(reason("old"), "");
  EXPECT_THAT(events("old"), ElementsAre("ForeignAddress")) << "said once";
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  settle("old");
  EXPECT_EQ(reason("old"), "Assigned");
  EXPECT_EQ(shown("old"), "10.0.0.0");
}

TEST_F(ServiceLifeTest, AServiceOfAnotherClassIsNotAdopted) {
  options_.adopt = true;
  json foreign = showing("old", {"10.0.0.0"});
  foreign["spec"]["loadBalancerClass"] = "example.com/other";
  put(foreign);
  restart();
  settle("old");
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(ServiceLifeTest, WhatIsAdoptedAndNotAdmittedIsSaid) {
  options_.adopt = true;
  setPools({restricted([](auto& p) { p.namespaces = {"shop"}; })});
  put(showing("old", {"10.0.0.0"}));
  restart();
  settle("old");
  EXPECT_EQ(shown("old"), "10.0.0.0");
  EXPECT_EQ(reason("old"), "NotAdmitted");
}

}  // namespace
}  // namespace barevip::assigner
