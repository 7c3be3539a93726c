// SPDX-License-Identifier: Apache-2.0
#include "operator/ip/ip_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assigner/allocation/reservation.h"
#include "unit/assigner/cluster_fixture.h"

namespace barevip::controlplane {
namespace {

using assigner::test::assign;
using assigner::test::json;
using assigner::test::pool;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Adds the reconciler of IP objects to the cluster of the Service reconciler's tests.
class IpReconcilerTest : public assigner::test::ClusterFixture {
 protected:
  void reserve(const std::string& name, const json& spec) {
    api_.put(kube::kIps,
             {{"metadata", {{"name", name}, {"namespace", "default"}}}, {"spec", spec}});
    look(name);
  }

  void look(const std::string& name) {
    for (int round = 0; round < 10; ++round) {
      sync();
      const std::size_t before = api_.writeCount();
      ASSERT_TRUE(reservations().reconcile({"default", name}, {}));
      if (api_.writeCount() == before) return;
    }
    ADD_FAILURE() << name << " does not settle";
  }

  /// Belongs to the allocator of this session.
  IpReconciler& reservations() {
    if (!made_ || allocatorSeen_ != allocator_.get()) {
      allocatorSeen_ = allocator_.get();
      made_ = std::make_unique<IpReconciler>(
          api_, clock_, events_, IpReconciler::View{ipObjects_, services_, namespaces_},
          *allocator_, *waiting_,
          assigner::AllocationNotices{
              [this](const std::string&) { ++freed_; },
              [this](const assigner::Shareable&) { ++freed_; },
              [this](const kube::ObjectKey&) { ++freed_; }, [] {}, [](const kube::ObjectKey&) {},
              [this](const kube::ObjectKey& service) { touched_.push_back(service.name); },
              [this](const assigner::Consumer& who) { onDecided_(who); }});
    }
    return *made_;
  }

  [[nodiscard]] json ipObject(const std::string& name) const {
    return api_.object(kube::kIps, {"default", name}).value_or(json());
  }
  [[nodiscard]] std::string phase(const std::string& name) const {
    return ipObject(name).value(json::json_pointer("/status/phase"), "");
  }
  [[nodiscard]] json bound(const std::string& name) const {
    return ipObject(name)["status"]["conditions"][0];
  }

  [[nodiscard]] json conditionOf(const std::string& name, const std::string& type) const {
    const json conditions = ipObject(name)["status"]["conditions"];
    for (const json& each : conditions) {
      if (each["type"] == type) return each;
    }
    return json();
  }

  static json serviceWithKey(const std::string& name, const std::string& key) {
    json object = assigner::test::serviceJson(name);
    object["metadata"]["annotations"] = {{"barevip.dev/share", key}};
    return object;
  }

  void addNaming(const std::string& service, const std::string& ipObject) {
    json object = assigner::test::serviceJson(service);
    object["metadata"]["annotations"] = {{"barevip.dev/ip", ipObject}};
    object["spec"]["ports"] = {{{"port", 80}}, {{"port", 53}, {"protocol", "UDP"}}};
    put(object);
    settle(service);
  }

  /// The Service web has 10.0.0.7 of the reservation front.
  void serveAnotherClassByReservation() {
    options_.classes.names.emplace_back("example.com/lb");
    restart();
    reserve("front", {{"address", "10.0.0.7"}});
    json web = assigner::test::serviceJson("web");
    web["metadata"]["annotations"] = {{"barevip.dev/ip", "front"}};
    web["spec"]["loadBalancerClass"] = "example.com/lb";
    put(web);
    settle("web");
  }

  std::vector<std::string> touched_;

 private:
  std::unique_ptr<IpReconciler> made_;
  const assigner::SharedAllocator* allocatorSeen_ = nullptr;
};

TEST_F(IpReconcilerTest, ItIsToldThatAReservationHasDecidedBeforeAnythingIsWritten) {
  std::vector<std::size_t> writes;
  onDecided_ = [&](const assigner::Consumer& who) {
    EXPECT_EQ(who.key.name, "front");
    writes.push_back(api_.writeCount());
  };
  reserve("front", {{"address", "10.0.0.7"}});
  ASSERT_FALSE(writes.empty());
  EXPECT_EQ(writes.front(), 0U);
  EXPECT_EQ(phase("front"), "Bound");
}

TEST_F(IpReconcilerTest, ARecordShowsItsServiceAndPorts) {
  json web = assigner::test::serviceJson("web");
  web["spec"]["ports"] = {{{"port", 80}}, {{"port", 53}, {"protocol", "UDP"}}};
  put(web);
  settle("web");
  look("web-10.0.0.0");
  const json status = ipObject("web-10.0.0.0")["status"];
  EXPECT_EQ(status["phase"], "Bound");
  EXPECT_EQ(status["address"], "10.0.0.0");
  EXPECT_EQ(status["pool"], "a");
  EXPECT_EQ(status["services"], json{"web"});
  EXPECT_EQ(status["service"], "web") << "for the release before";
  EXPECT_EQ(status["ports"], (json{"80/TCP", "53/UDP"}));
}

// A restart believes what a bound record says of the Pool.
TEST_F(IpReconcilerTest, ARecordOfAnotherPoolThanTheOneThatGaveTheAddressIsNotBound) {
  add("web");
  json forged = ipObject("web-10.0.0.0");
  forged["spec"]["pool"] = "b";
  forged.erase("status");
  api_.put(kube::kIps, forged);
  look("web-10.0.0.0");
  EXPECT_EQ(phase("web-10.0.0.0"), "");
}

// The leader before it still wrote when this one had found the address in the Service's status.
TEST_F(IpReconcilerTest, ABoundRecordTellsWhichPoolGaveTheAddressIfNobodyKnows) {
  add("web");
  look("web-10.0.0.0");
  setPools({pool("a", {"192.0.2.0/24"})});
  allocator_->with([](assigner::Allocator& allocator) {
    allocator.releaseAll({"default", "web"});
    allocator.restore({{"default", "web"}, {}, ""}, assigner::test::ip("10.0.0.0"),
                      assigner::Allocator::Evidence::kRecorded);
  });
  look("web-10.0.0.0");
  EXPECT_EQ(ipObject("web-10.0.0.0")["status"]["pool"], "a");
  EXPECT_THAT(touched_, ElementsAre("web"));
}

TEST_F(IpReconcilerTest, IsReadyWhenTheAddressIsHeldAndElseSaysWhyNot) {
  add("web");
  look("web-10.0.0.0");
  EXPECT_EQ(conditionOf("web-10.0.0.0", "Ready")["status"], "True");
  reserve("front", {{"address", "10.0.0.7"}});
  EXPECT_EQ(conditionOf("front", "Ready")["status"], "True");
  EXPECT_EQ(conditionOf("front", "Ready")["reason"], "Reserved");
  reserve("second", {{"address", "10.0.0.7"}});
  EXPECT_EQ(conditionOf("second", "Ready")["status"], "False");
  EXPECT_EQ(conditionOf("second", "Ready")["reason"], "AddressHeld");
  EXPECT_EQ(conditionOf("second", "Ready")["message"], conditionOf("second", "Bound")["message"]);
}

TEST_F(IpReconcilerTest, AStatusSaysOfWhichGenerationItIs) {
  reserve("front", {{"address", "10.0.0.7"}});
  EXPECT_EQ(ipObject("front")["status"]["observedGeneration"], 1);
  json object = ipObject("front");
  object["spec"]["shareKey"] = "k";
  api_.put(kube::kIps, object);
  look("front");
  EXPECT_EQ(ipObject("front")["metadata"]["generation"], 2);
  EXPECT_EQ(ipObject("front")["status"]["observedGeneration"], 2);
  EXPECT_EQ(conditionOf("front", "Ready")["observedGeneration"], 2);
  put(serviceWithKey("web", "a"));
  settle("web");
  look("web-10.0.0.0");
  put(serviceWithKey("web", "b"));
  settle("web");
  look("web-10.0.0.0");
  EXPECT_EQ(ipObject("web-10.0.0.0")["spec"]["shareKey"], "b");
  EXPECT_EQ(ipObject("web-10.0.0.0")["status"]["observedGeneration"], 2);
}

TEST_F(IpReconcilerTest, AStatusOfAnotherReleaseIsWrittenOnceAndThenStays) {
  const std::vector<std::pair<const char*, std::function<void(json&)>>> spoilers = {
      {"the release before",
       [](json& status) {
         status.erase("services");
         status.erase("observedGeneration");
         status["conditions"].erase(1);
       }},
      {"the release before, after this one", [](json& status) { status["service"] = "other"; }},
      {"the release before, after this one, of one that is not used any more",
       [](json& status) { status["services"] = {"gone"}; }},
      {"a later one that has no text", [](json& status) { status.erase("service"); }},
  };
  add("web");
  reserve("front", {{"address", "10.0.0.7"}});
  look("web-10.0.0.0");
  for (const std::string name : {"web-10.0.0.0", "front"}) {
    const json right = ipObject(name)["status"];
    ASSERT_EQ(right["conditions"][1]["type"], "Ready");
    for (const auto& [who, spoil] : spoilers) {
      json object = ipObject(name);
      spoil(object["status"]);
      if (object["status"] == right) continue;  // nobody uses it
      clock_.advance(std::chrono::minutes(1));  // no fight
      api_.put(kube::kIps, object);
      api_.clearWrites();
      look(name);
      EXPECT_EQ(api_.writeCount(), 1U) << name << " of " << who;
      EXPECT_EQ(ipObject(name)["status"], right) << name << " of " << who;
    }
  }
}

TEST_F(IpReconcilerTest, NoServiceUsesAReservationThatIsNotRecorded) {
  api_.setInterceptor([](kube::FakeApi::Verb verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != kube::FakeApi::Verb::kPatchStatus || resource != kube::kIps) return std::nullopt;
    return Error{ErrorCode::kInvalid, "no"};
  });
  api_.put(kube::kIps, {{"metadata", {{"name", "front"}, {"namespace", "default"}}}, {"spec", {}}});
  sync();
  ASSERT_FALSE(reservations().reconcile({"default", "front"}, {}));
  addNaming("web", "front");
  EXPECT_EQ(reason("web"), "ReservationMissing");
  EXPECT_EQ(shown("web"), "");
  api_.setInterceptor({});
  const int before = freed_;
  look("front");
  EXPECT_GT(freed_, before) << "who waits for it is told when it is recorded";
  settle("web");
  EXPECT_EQ(shown("web"), ipObject("front")["status"]["address"]);
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), ipObject("front")["status"]["address"]);
}

TEST_F(IpReconcilerTest, ARestoredReservationKeepsTheAddressOfItsStatusIfItIsFree) {
  for (const bool restarted : {false, true}) {
    api_.put(kube::kIps, {{"metadata", {{"name", "front"}, {"namespace", "default"}}},
                          {"spec", {{"family", "IPv4"}}},
                          {"status", {{"phase", "Bound"}, {"address", "10.0.0.7"}}}});
    if (restarted) restart();
    look("front");
    EXPECT_EQ(ipObject("front")["status"]["address"], "10.0.0.7") << restarted;
    api_.erase(kube::kIps, {"default", "front"});
    look("front");
  }
  add("web");
  api_.put(kube::kIps, {{"metadata", {{"name", "front"}, {"namespace", "default"}}},
                        {"spec", json::object()},
                        {"status", {{"phase", "Bound"}, {"address", "10.0.0.0"}}}});
  look("front");
  EXPECT_EQ(ipObject("front")["status"]["address"], "10.0.0.1") << "the other one is held";
}

TEST_F(IpReconcilerTest, AStatusHasNoMorePortsThanTheCrdTakes) {
  reserve("front", {{"address", "10.0.0.7"}, {"shareKey", "k"}});
  for (int i = 0; i < 4; ++i) {
    json web = assigner::test::serviceJson("web" + std::to_string(i));
    web["metadata"]["annotations"] = {{"barevip.dev/ip", "front"}, {"barevip.dev/share", "k"}};
    web["spec"]["ports"] = json::array();
    for (int port = 1; port <= 5'000; ++port) {
      web["spec"]["ports"].push_back({{"port", 5'000 * i + port}});
    }
    put(web);
    settle("web" + std::to_string(i));
  }
  look("front");
  const json ports = ipObject("front")["status"]["ports"];
  EXPECT_EQ(ports.size(), 16'384U);
  EXPECT_EQ(ports.back(), "16384/TCP");
}

TEST_F(IpReconcilerTest, AReservationNamesNoMoreServicesThanTheCrdTakes) {
  reserve("front-door", {{"address", "10.0.0.7"}, {"shareKey", "k"}});
  sync();
  allocator_->with([&](assigner::Allocator& allocator) {
    assigner::Request request;
    request.ipObjects = {"front-door"};
    request.families = {Family::kIpv4};
    for (std::uint16_t port = 1; port <= 1100; ++port) {
      request.service = {"default", "web" + std::to_string(port)};
      request.terms = {"k", {{model::Protocol::kTcp, port}}, {}};
      ASSERT_FALSE(assign(allocator, request).refusal);
    }
  });
  look("front-door");
  const auto reserved = model::decodeIpObject(ipObject("front-door")).value();
  EXPECT_EQ(reserved.status.services.size(), 1024U);
  EXPECT_EQ(reserved.status.ports.size(), 1100U);
}

TEST_F(IpReconcilerTest, AStatusThatCannotBeWrittenForLongIsReported) {
  add("web");
  api_.setInterceptor([](kube::FakeApi::Verb verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != kube::FakeApi::Verb::kPatchStatus || resource != kube::kIps) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "the webhook answers 500", 500, {}};
  });
  const kube::ObjectKey record{"default", "web-10.0.0.0"};
  const kube::ObjectKey service{"default", "web"};
  sync();
  EXPECT_FALSE(reservations().reconcile(record, {}));
  EXPECT_THAT(events_.reasons(record), IsEmpty()) << "it may pass";
  clock_.advance(std::chrono::seconds(15));
  EXPECT_FALSE(reservations().reconcile(record, {}));
  EXPECT_THAT(events_.reasons(record), ElementsAre("StatusRefused"));
  EXPECT_EQ(events_.reasons(service).back(), "StatusRefused");
  EXPECT_THAT(events_.all().back().note, HasSubstr("the webhook answers 500"));
}

TEST_F(IpReconcilerTest, TheNodeThatAnnouncesIsLeftAlone) {
  add("web");
  look("web-10.0.0.0");
  ASSERT_TRUE(api_.patch(kube::kIps, {"default", "web-10.0.0.0"}, "status",
                         {{"status", {{"node", "node-1"}}}}, {}));
  edit("web", {{"spec", {{"ports", {{{"port", 81}}}}}}});
  settle("web");
  look("web-10.0.0.0");
  EXPECT_EQ(ipObject("web-10.0.0.0")["status"]["node"], "node-1");
  EXPECT_EQ(ipObject("web-10.0.0.0")["status"]["ports"], json{"81/TCP"});
}

TEST_F(IpReconcilerTest, AnAddressIsReservedByHand) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  EXPECT_EQ(phase("front-door"), "Bound");
  EXPECT_EQ(ipObject("front-door")["status"]["pool"], "a");
  EXPECT_THAT(events_.reasons({"default", "front-door"}), ElementsAre("Reserved"));
  addNaming("web", "front-door");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  look("front-door");
  EXPECT_EQ(ipObject("front-door")["status"]["service"], "web");
  EXPECT_EQ(ipObject("front-door")["status"]["ports"], (json{"80/TCP", "53/UDP"}));
  EXPECT_THAT(ipObjectNames(), ElementsAre("front-door")) << "no second record";
}

TEST_F(IpReconcilerTest, AnAddressThatWouldNotBeGivenAgainIsKeptAndThisIsSaid) {
  add("web");
  reserve("front-door", {{"address", "10.0.0.7"}});
  model::Pool strict = pool("a", {"10.0.0.0/24"});
  strict.ignoreNamespaces = {"default"};
  setPools({strict});
  for (const char* name : {"web-10.0.0.0", "front-door"}) {
    look(name);
    EXPECT_EQ(phase(name), "Bound");
    EXPECT_EQ(bound(name)["status"], "True");
    EXPECT_EQ(bound(name)["reason"], "NotAdmitted");
    EXPECT_THAT(bound(name)["message"], HasSubstr("ignoreNamespaces"));
  }
  setPools({pool("a", {"10.0.0.99"})});
  look("front-door");
  EXPECT_EQ(bound("front-door")["reason"], "OutsidePool");
  setPools({pool("a", {"10.0.0.0/24"})});
  look("front-door");
  EXPECT_EQ(bound("front-door")["reason"], "Reserved");
  EXPECT_THAT(events_.reasons({"default", "front-door"}),
              ElementsAre("Reserved", "NotAdmitted", "OutsidePool", "Reserved"));
}

TEST_F(IpReconcilerTest, AReservationSaysThatItsUserIsNotAdmittedAnyMore) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  addNaming("web", "front-door");
  model::Pool edge = pool("a", {"10.0.0.0/24"});
  edge.serviceSelector = model::LabelSelector{{{"tier", "edge"}}, {}};
  setPools({edge});
  look("front-door");
  EXPECT_EQ(bound("front-door")["reason"], "NotAdmitted");
  EXPECT_THAT(bound("front-door")["message"], HasSubstr("serviceSelector"));
}

TEST_F(IpReconcilerTest, AReservationOutlivesItsService) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  addNaming("web", "front-door");
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  look("front-door");
  EXPECT_EQ(phase("front-door"), "Bound");
  EXPECT_FALSE(ipObject("front-door")["status"].contains("service"));
}

TEST_F(IpReconcilerTest, AReservationWithoutAddressGetsOneAndKeepsIt) {
  reserve("any", json::object());
  EXPECT_EQ(ipObject("any")["status"]["address"], "10.0.0.0");
  restart();
  look("any");
  EXPECT_EQ(ipObject("any")["status"]["address"], "10.0.0.0");
}

TEST_F(IpReconcilerTest, FlagsThatNoLongerServeAClassReleaseNoUserOfAReservation) {
  serveAnotherClassByReservation();
  look("front");
  options_.classes = {true, {"barevip.dev/barevip"}};
  for (int round = 0; round < 2; ++round) {
    restart();
    settle("web");
    EXPECT_EQ(shown("web"), "10.0.0.7");
    EXPECT_EQ(reason("web"), "ClassNotServed");
  }
  // The Service keeps the address without the reservation, too.
  api_.erase(kube::kIps, {"default", "front"});
  sync();
  ASSERT_TRUE(reservations().reconcile({"default", "front"}, {}));
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  options_.classes.names.emplace_back("example.com/lb");
  restart();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
}

TEST_F(IpReconcilerTest, AUserOfAReservationThatTakesAnotherClassIsReleased) {
  serveAnotherClassByReservation();
  edit("web", {{"spec", {{"loadBalancerClass", "example.com/other"}}}});
  settle("web");
  EXPECT_EQ(shown("web"), "");
}

TEST_F(IpReconcilerTest, AHeldAddressIsAConflictThatNamesTheConsumer) {
  add("web");
  reserve("thief", {{"address", "10.0.0.0"}});
  EXPECT_EQ(phase("thief"), "Conflict");
  EXPECT_EQ(bound("thief")["reason"], "AddressHeld");
  EXPECT_THAT(bound("thief")["message"], HasSubstr("Service default/web"));
  EXPECT_THAT(waiters(assigner::Consumer::Kind::kReservation),
              ElementsAre(kube::ObjectKey{"default", "thief"}));
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  look("thief");
  EXPECT_EQ(phase("thief"), "Bound");
  EXPECT_THAT(waiters(assigner::Consumer::Kind::kReservation), IsEmpty());
}

TEST_F(IpReconcilerTest, AReservationThatCannotBeMetIsPendingWithTheReason) {
  struct Case {
    json spec;
    const char* reason;
  };
  const Case cases[] = {
      {{{"address", "172.16.0.1"}}, "AddressNotInPool"},
      {{{"pool", "nowhere"}}, "NoPool"},
      {{{"family", "IPv6"}}, "FamilyMissing"},
      {{{"address", "nonsense"}}, "BadRequest"},
      {{{"address", "10.0.0.1"}, {"family", "IPv6"}}, "BadRequest"},
  };
  for (const Case& each : cases) {
    reserve("wish", each.spec);
    EXPECT_EQ(phase("wish"), "Pending") << each.spec;
    EXPECT_EQ(bound("wish")["reason"], each.reason);
    api_.erase(kube::kIps, {"default", "wish"});
    look("wish");
  }
}

TEST_F(IpReconcilerTest, WhatIsBeingDeletedWaitsForNothing) {
  reserve("wish", {{"pool", "nowhere"}});
  ASSERT_THAT(waiting_->keys(assigner::Consumer::Kind::kReservation), testing::SizeIs(1));
  json going = ipObject("wish");
  going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  api_.put(kube::kIps, going);
  look("wish");
  EXPECT_THAT(waiting_->keys(assigner::Consumer::Kind::kReservation), testing::IsEmpty());
}

TEST_F(IpReconcilerTest, ADeletedReservationFreesItsAddress) {
  reserve("front-door", {{"address", "10.0.0.0"}});
  const int before = freed_;
  api_.erase(kube::kIps, {"default", "front-door"});
  look("front-door");
  EXPECT_GT(freed_, before);
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(IpReconcilerTest, AReservationDeletedUnderAServiceLeavesItTheAddress) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  addNaming("web", "front-door");
  api_.erase(kube::kIps, {"default", "front-door"});
  look("front-door");
  EXPECT_THAT(touched_, ElementsAre("web"));
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  EXPECT_EQ(reason("web"), "ReservationMissing");
  EXPECT_THAT(ipObjectNames(), ElementsAre("web-10.0.0.7"));
}

TEST_F(IpReconcilerTest, AReservationMadeAnewWithAnotherAddressMoves) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  api_.erase(kube::kIps, {"default", "front-door"});
  reserve("front-door", {{"address", "10.0.0.8"}});
  EXPECT_EQ(ipObject("front-door")["status"]["address"], "10.0.0.8");
  EXPECT_EQ(allocator_->with([](assigner::Allocator& a) { return a.allocations().all().size(); }),
            1U);
}

json sharingJson(const std::string& name, int port) {
  json object = assigner::test::serviceJson(name);
  object["metadata"]["annotations"] = {{"barevip.dev/share", "k"}};
  object["spec"]["ports"] = {{{"port", port}}};
  return object;
}

TEST_F(IpReconcilerTest, AReservationThatDoesNotCountIsRefusedByNameAndHoldsNothing) {
  const auto lookAsOneTooMany = [this](bool excess) {
    sync();
    model::IpObject ipObject = *ipObjects_.get({"default", "front-door"});
    ipObject.excess = excess;
    ipObjects_.put(ipObject);
    ASSERT_TRUE(reservations().reconcile(ipObject.key, {}));
  };
  const auto held = [this] {
    return allocator_->with([](assigner::Allocator& allocator) {
      return allocator.allocations().ofReservation({"default", "front-door"}).has_value();
    });
  };
  api_.put(kube::kIps, {{"metadata", {{"name", "front-door"}, {"namespace", "default"}}},
                        {"spec", {{"address", "10.0.0.7"}}}});
  sync();
  allocator_->with([&](assigner::Allocator& allocator) {
    // Decided before it was one too many, and its status does not say so yet.
    (void)allocator.reserve(
        *assigner::reservationOf(*ipObjects_.get({"default", "front-door"}), nullptr));
  });
  ASSERT_TRUE(held());
  lookAsOneTooMany(true);
  EXPECT_FALSE(held());
  EXPECT_EQ(phase("front-door"), "Pending");
  EXPECT_EQ(bound("front-door")["reason"], "TooManyReservations");
  EXPECT_THAT(bound("front-door")["message"], HasSubstr("more than 1024 reservations"));
  lookAsOneTooMany(false);
  EXPECT_EQ(phase("front-door"), "Bound");
}

TEST_F(IpReconcilerTest, WhatOnlyLooksLikeARecordIsRefusedByNameWhenItIsOneTooMany) {
  add("web");
  for (const std::string name : {"web-10.0.0.0", "web-10.0.0.9"}) {
    json object = ipObject("web-10.0.0.0");
    object.erase("status");
    object["metadata"]["name"] = name;
    object["spec"]["address"] = name.substr(4);
    api_.put(kube::kIps, object);
    sync();
    model::IpObject excess = *ipObjects_.get({"default", name});
    excess.excess = true;
    ipObjects_.put(excess);
    ASSERT_TRUE(reservations().reconcile(excess.key, {}));
  }
  EXPECT_EQ(phase("web-10.0.0.0"), "Bound") << "it is the record";
  EXPECT_EQ(phase("web-10.0.0.9"), "Pending");
  EXPECT_EQ(bound("web-10.0.0.9")["reason"], "TooManyReservations");
}

TEST_F(IpReconcilerTest, AStatusThatAnotherProcessKeepsWritingIsRepairedWithoutAFight) {
  using namespace std::chrono_literals;
  reserve("front-door", {{"address", "10.0.0.7"}});
  const auto overwrite = [this] {
    ASSERT_TRUE(api_.patch(kube::kIps, {"default", "front-door"}, "status",
                           {{"status", {{"phase", "Pending"}}}}, {}));
    sync();
  };
  const auto once = [this] {
    auto done = reservations().reconcile({"default", "front-door"}, {});
    sync();
    return done.value().requeueAfter;
  };
  for (int i = 0; i < 2; ++i) {
    overwrite();
    EXPECT_EQ(once(), 0ms) << "a slip is repaired at once";
    EXPECT_EQ(phase("front-door"), "Bound");
  }
  overwrite();
  EXPECT_EQ(once(), 10s);
  EXPECT_EQ(phase("front-door"), "Pending");
  EXPECT_THAT(events_.reasons({"default", "front-door"}),
              ElementsAre("Reserved", "StatusOverwritten"));
  clock_.advance(10s);
  EXPECT_EQ(once(), 0ms);
  EXPECT_EQ(phase("front-door"), "Bound");
}

TEST_F(IpReconcilerTest, ARecordShowsThePortsThatWereGranted) {
  put(sharingJson("web", 80));
  settle("web");
  put(sharingJson("tls", 443));
  settle("tls");
  put(sharingJson("tls", 80));
  settle("tls");
  look("web-10.0.0.0");
  look("tls-10.0.0.0");
  EXPECT_EQ(reason("tls"), "ShareRefused");
  EXPECT_EQ(ipObject("tls-10.0.0.0")["status"]["ports"], json{"443/TCP"});
  put(sharingJson("web", 8080));
  settle("web");
  settle("tls");
  look("web-10.0.0.0");
  look("tls-10.0.0.0");
  EXPECT_EQ(ipObject("web-10.0.0.0")["status"]["ports"], json{"8080/TCP"});
  EXPECT_EQ(ipObject("tls-10.0.0.0")["status"]["ports"], json{"80/TCP"});
}

TEST_F(IpReconcilerTest, AReservationWithAShareKeyShowsAllItsUsers) {
  reserve("front-door", {{"address", "10.0.0.7"}, {"shareKey", "k"}});
  for (const auto& [name, port] : {std::pair("web", 80), std::pair("tls", 443)}) {
    json service = sharingJson(name, port);
    service["metadata"]["annotations"]["barevip.dev/ip"] = "front-door";
    put(service);
    settle(name);
    EXPECT_EQ(shown(name), "10.0.0.7");
  }
  look("front-door");
  EXPECT_EQ(ipObject("front-door")["status"]["service"], "tls, web");
  EXPECT_EQ(ipObject("front-door")["status"]["ports"], (json{"80/TCP", "443/TCP"}));
  api_.clearWrites();
  restart();
  settle("web");
  settle("tls");
  look("front-door");
  EXPECT_EQ(api_.writeCount(), 0U);
  api_.erase(kube::kIps, {"default", "front-door"});
  look("front-door");
  EXPECT_THAT(touched_, ElementsAre("tls", "web")) << "both hold it from now on";
}

TEST_F(IpReconcilerTest, AShareKeyThatIsAddedWakesWhoWaits) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  const int before = freed_;
  ASSERT_TRUE(
      api_.patch(kube::kIps, {"default", "front-door"}, "", {{"spec", {{"shareKey", "k"}}}}, {}));
  look("front-door");
  EXPECT_GT(freed_, before);
}

}  // namespace
}  // namespace barevip::controlplane
