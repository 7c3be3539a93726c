// SPDX-License-Identifier: Apache-2.0
#include "assigner/restore/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "assigner/allocation/service_status.h"
#include "assigner/service/record_name.h"
#include "unit/assigner/builders.h"
#include "unit/assigner/snapshots.h"

namespace barevip::assigner {
namespace {

using test::allocatorWith;
using test::ip;
using test::pool;
using test::snapshotOf;
using testing::ElementsAre;

model::Service service(const std::string& name) {
  model::Service result;
  result.key = {"default", name};
  result.uid = "uid-of-" + name;
  result.type = "LoadBalancer";
  return result;
}

model::Service showing(const std::string& name, const std::string& address, bool ours) {
  model::Service result = service(name);
  result.ingress = {{address, "", ""}};
  if (ours) result.conditions = {{kAddressAssigned, "True", "Assigned", ""}};
  return result;
}

model::IpObject recordFor(const std::string& name, const std::string& address,
                          std::int64_t created = 0) {
  model::IpObject ipObject;
  ipObject.key = {"default", recordName(name, ip(address))};
  ipObject.creationSeconds = created;
  ipObject.serviceOwner = model::OwnerReference{"v1", "Service", name, "uid-of-" + name};
  ipObject.spec = {"a", address, ""};
  ipObject.status.phase = "Bound";
  return ipObject;
}

model::IpObject reserved(const std::string& name, const std::string& address, bool bound) {
  model::IpObject ipObject;
  ipObject.key = {"default", name};
  ipObject.spec.address = address;
  if (bound) {
    ipObject.status.phase = "Bound";
    ipObject.status.address = address;
  }
  return ipObject;
}

model::Service naming(model::Service service, const std::string& ipObject) {
  service.annotations[std::string(model::kIpAnnotation)] = ipObject;
  return service;
}

Allocator after(const std::vector<model::IpObject>& ipObjects,
                const std::vector<model::Service>& services,
                model::AllowSharing allow = model::AllowSharing::kNamespace) {
  model::Pool a = pool("a", {"10.0.0.0/24"});
  a.allowSharing = allow;
  Allocator allocator = allocatorWith({a});
  Snapshot snapshot = snapshotOf(ipObjects, services);
  snapshot.namespaceOf = [](const std::string&) {
    return std::make_shared<const model::Namespace>();
  };
  restore(allocator, snapshot, {});
  return allocator;
}

std::string holderAfter(const std::vector<model::IpObject>& ipObjects,
                        const std::vector<model::Service>& services, const std::string& address) {
  const Allocator allocator = after(ipObjects, services);
  const Allocation* const allocation = allocator.allocations().find(ip(address));
  return allocation == nullptr ? "nobody" : allocation->toString();
}

const std::string kAddress = "10.0.0.7";

TEST(RestoreSnapshot, OfTwoIpObjectsTheOlderOneWinsInAnyOrder) {
  std::vector<model::IpObject> ipObjects{recordFor("young", kAddress, 20),
                                         recordFor("old", kAddress, 10)};
  const std::vector<model::Service> services{service("young"), service("old")};
  EXPECT_EQ(holderAfter(ipObjects, services, kAddress), "Service default/old");
  std::reverse(ipObjects.begin(), ipObjects.end());
  EXPECT_EQ(holderAfter(ipObjects, services, kAddress), "Service default/old");
}

TEST(RestoreSnapshot, AnIpObjectGoesBeforeWhatAServiceShows) {
  EXPECT_EQ(holderAfter({recordFor("web", kAddress)},
                        {service("web"), showing("a-other", kAddress, true)}, kAddress),
            "Service default/web");
}

TEST(RestoreSnapshot, AnIpObjectGoesBeforeWhatItsOwnServiceShows) {
  const Allocator allocator =
      after({recordFor("web", "10.0.0.1")}, {showing("web", kAddress, true)});
  EXPECT_THAT(allocator.allocations().ofService({"default", "web"}), ElementsAre(ip("10.0.0.1")));
}

TEST(RestoreSnapshot, WhatWeGaveGoesBeforeWhatOthersShow) {
  EXPECT_EQ(holderAfter({}, {showing("a-foreign", kAddress, false), showing("web", kAddress, true)},
                        kAddress),
            "Service default/web");
  EXPECT_EQ(holderAfter({}, {showing("foreign", kAddress, false)}, kAddress),
            "Service default/foreign");
}

TEST(RestoreSnapshot, OfTwoServicesThatShowAnAddressWithoutARecordTheOlderHasIt) {
  model::Service copy = showing("copy", kAddress, true);
  copy.creationSeconds = 2;
  model::Service web = showing("web", kAddress, true);
  web.creationSeconds = 1;
  EXPECT_EQ(holderAfter({}, {copy, web}, kAddress), "Service default/web");
}

TEST(RestoreSnapshot, AnIpObjectWithoutItsServiceHoldsNothing) {
  EXPECT_EQ(holderAfter({recordFor("gone", kAddress)}, {}, kAddress), "nobody");
  model::Service anew = service("gone");
  anew.uid = "another";
  EXPECT_EQ(holderAfter({recordFor("gone", kAddress)}, {anew}, kAddress), "nobody");
}

TEST(RestoreSnapshot, AnIpObjectOutsideOfAllPoolsIsKeptIfItWasBound) {
  EXPECT_EQ(holderAfter({recordFor("web", "192.0.2.1")}, {service("web")}, "192.0.2.1"),
            "Service default/web");
}

TEST(RestoreSnapshot, AnIpObjectThatWasNeverBoundMustBeAdmitted) {
  model::IpObject forged = recordFor("web", "192.0.2.1");
  forged.status.phase = "";
  EXPECT_EQ(holderAfter({forged}, {service("web")}, "192.0.2.1"), "nobody");
  model::IpObject interrupted = recordFor("web", kAddress);
  interrupted.status.phase = "";
  EXPECT_EQ(holderAfter({interrupted}, {service("web")}, kAddress), "Service default/web");
}

TEST(RestoreSnapshot,
     AnIpObjectThatWasNeverBoundIsKeptIfItsServiceShowsTheAddressAndWaitsForAnother) {
  model::IpObject fresh = recordFor("web", "192.0.2.1");
  fresh.status = {};
  model::Service waiting = showing("web", "192.0.2.1", true);
  waiting.conditions[0].status = "False";
  EXPECT_EQ(holderAfter({fresh}, {waiting}, "192.0.2.1"), "Service default/web");
}

// Who may create IP objects could guess which address is given next.
TEST(RestoreSnapshot, AnIpObjectThatWasNeverBoundTakesNothingThatAnotherServiceShows) {
  model::IpObject early = recordFor("a-other", kAddress, 10);
  early.status = {};
  EXPECT_EQ(holderAfter({early}, {service("a-other"), showing("web", kAddress, true)}, kAddress),
            "Service default/web");
  EXPECT_EQ(holderAfter({early, recordFor("web", kAddress, 20)},
                        {service("a-other"), service("web")}, kAddress),
            "Service default/web");
}

TEST(RestoreSnapshot, AnIpObjectThatWasNeverBoundTakesNothingFromItsOwnServiceThatShowsAnother) {
  model::IpObject fresh = recordFor("web", "10.0.0.1");
  fresh.status = {};
  const std::vector<model::Service> services{showing("web", kAddress, true),
                                             showing("other", "10.0.0.1", true)};
  EXPECT_EQ(holderAfter({fresh}, services, kAddress), "Service default/web");
  EXPECT_EQ(holderAfter({fresh}, services, "10.0.0.1"), "Service default/other");
}

TEST(RestoreSnapshot, AnIpObjectThatWasNeverBoundGoesBeforeWhatItsOwnServiceShowsBesides) {
  model::IpObject fresh = recordFor("web", "10.0.0.1");
  fresh.status = {};
  const Allocator allocator = after({fresh}, {showing("web", kAddress, true)});
  EXPECT_THAT(allocator.allocations().ofService({"default", "web"}), ElementsAre(ip("10.0.0.1")));
}

// A finalizer keeps it though the address was given to another one.
TEST(RestoreSnapshot, AnIpObjectThatIsBeingDeletedHoldsOnlyWhatItsServiceShows) {
  model::IpObject leaving = recordFor("web", kAddress, 10);
  leaving.deleting = true;
  const model::IpObject later = recordFor("other", kAddress, 20);
  EXPECT_EQ(holderAfter({leaving, later}, {service("web"), service("other")}, kAddress),
            "Service default/other");
  EXPECT_EQ(holderAfter({leaving}, {showing("web", kAddress, true)}, kAddress),
            "Service default/web");
}

TEST(RestoreSnapshot, WhatAServiceThatWaitsShowsBesidesItsRecordIsGivenToNobody) {
  model::Service waiting = showing("web", "10.0.0.1", true);
  waiting.ingress.push_back({kAddress, "", ""});
  waiting.conditions[0].status = "False";
  EXPECT_EQ(holderAfter({recordFor("web", "10.0.0.1")}, {waiting}, kAddress),
            "Service default/web");
}

// A record that a finalizer keeps, and from which somebody took the owner, looks like one.
TEST(RestoreSnapshot, AReservationThatIsBeingDeletedTakesNothingFromARecordOrFromWhatIsShown) {
  model::IpObject leaving = reserved("old", kAddress, true);
  leaving.deleting = true;
  model::IpObject record = recordFor("web", kAddress, 20);
  EXPECT_EQ(holderAfter({leaving, record}, {service("web")}, kAddress), "Service default/web");
  EXPECT_EQ(holderAfter({leaving}, {showing("web", kAddress, true)}, kAddress),
            "Service default/web");
  EXPECT_EQ(holderAfter({leaving}, {naming(showing("web", kAddress, true), "old")}, kAddress),
            "IP default/old");
}

// A finalizer keeps it, and nobody writes its status any more.
TEST(RestoreSnapshot, AReservationThatIsBeingDeletedBeforeItWasBoundHoldsNothing) {
  model::IpObject leaving = reserved("old", kAddress, false);
  leaving.deleting = true;
  EXPECT_EQ(holderAfter({leaving}, {}, kAddress), "nobody");
}

TEST(RestoreSnapshot, WithoutAnIpObjectTheAddressCameFromThePoolThatIsAskedFor) {
  model::Service asking = showing("web", kAddress, true);
  asking.annotations[std::string(model::kPoolAnnotation)] = "gone";
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, snapshotOf({}, {asking}), {});
  EXPECT_EQ(allocator.allocations().find(ip(kAddress))->sourcePool(), "gone");
}

TEST(RestoreSnapshot, ABoundReservationIsTakenUpAndANewOneWaitsForTheConsumers) {
  EXPECT_EQ(holderAfter({reserved("front-door", kAddress, true)}, {showing("web", kAddress, true)},
                        kAddress),
            "IP default/front-door");
  EXPECT_EQ(holderAfter({reserved("front-door", kAddress, false)}, {showing("web", kAddress, true)},
                        kAddress),
            "Service default/web");
  EXPECT_EQ(holderAfter({reserved("front-door", kAddress, false)}, {}, kAddress),
            "IP default/front-door");
}

TEST(RestoreSnapshot, WhatAReservationWasRefusedRestsBeforeItMayHaveIt) {
  using namespace std::chrono_literals;
  for (const auto delay : {60s, 0s}) {
    model::Pool a = pool("a", {"10.0.0.0/24"});
    a.reuseDelay = delay;
    a.maxPerNamespace = 1;
    Allocator allocator = allocatorWith({a});
    allocator.tick(MonotonicTime(1s));
    model::IpObject thief = reserved("thief", kAddress, false);
    thief.status.phase = "Conflict";
    model::IpObject second = reserved("second", "10.0.0.8", false);
    second.status.phase = "Conflict";
    restore(allocator, snapshotOf({thief, second}, {}), {});
    if (delay == 0s) {
      EXPECT_EQ(allocator.allocations().ofReservation({"default", "second"}), ip("10.0.0.8"));
      continue;
    }
    EXPECT_FALSE(allocator.allocations().ofReservation({"default", "thief"}));
    Reservation again;
    again.ipObject = thief.key;
    again.requester.ns = "default";
    again.address = ip(kAddress);
    EXPECT_EQ(allocator.reserve(again).error().reason, RefusalReason::kAddressHeld);
    (void)allocator.takeFreed();
    allocator.tick(MonotonicTime(61s));
    EXPECT_EQ(allocator.takeFreed().size(), 2U) << "whoever waits is woken";
    EXPECT_TRUE(allocator.reserve(again));
  }
}

TEST(RestoreSnapshot, WhatAReservationMayNotHaveRestsForNobody) {
  using namespace std::chrono_literals;
  model::IpObject conflicting = reserved("thief", kAddress, false);
  conflicting.status.phase = "Conflict";
  const auto restsAfter = [](const model::IpObject& ipObject, const model::Pool& change) {
    model::Pool a = change;
    a.reuseDelay = 60s;
    Allocator allocator = allocatorWith({a});
    restore(allocator, snapshotOf({ipObject}, {}), {});
    return allocator.allocations().find(ip(kAddress)) != nullptr;
  };
  const model::Pool open = pool("a", {"10.0.0.0/24"});
  EXPECT_TRUE(restsAfter(conflicting, open));
  model::Pool others = open;
  others.namespaces = {"somebody-else"};
  EXPECT_FALSE(restsAfter(conflicting, others)) << "the Pool does not admit it";
  model::IpObject elsewhere = conflicting;
  elsewhere.spec.pool = "nowhere";
  EXPECT_FALSE(restsAfter(elsewhere, open)) << "there is no such Pool";
  model::IpObject wrong = conflicting;
  wrong.spec.family = "IPv6";
  EXPECT_FALSE(restsAfter(wrong, open)) << "it contradicts itself";
  model::IpObject excess = conflicting;
  excess.excess = true;
  EXPECT_FALSE(restsAfter(excess, open)) << "it does not count";
}

TEST(RestoreSnapshot, AReservationKeepsItsUser) {
  model::IpObject ipObject = reserved("front-door", kAddress, true);
  ipObject.status.services = {"web"};
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, snapshotOf({ipObject}, {naming(service("web"), "front-door")}), {});
  EXPECT_EQ(allocator.allocations().find(ip(kAddress))->users.at(0).service,
            (kube::ObjectKey{"default", "web"}));
}

TEST(RestoreSnapshot, WhoNamesAReservationAndShowsItsAddressUsesItBeforeItsStatusSaysSo) {
  const model::IpObject ipObject = reserved("front-door", kAddress, true);
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, snapshotOf({ipObject}, {naming(showing("web", kAddress, true), "front-door")}),
          {});
  EXPECT_EQ(allocator.allocations().find(ip(kAddress))->users.size(), 1U);
}

TEST(RestoreSnapshot, ANamesakeOfTheEarlierUserOfAReservationIsNoUser) {
  model::IpObject ipObject = reserved("front-door", kAddress, true);
  ipObject.status.services = {"web"};
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, snapshotOf({ipObject}, {service("web")}), {});
  EXPECT_TRUE(allocator.allocations().find(ip(kAddress))->users.empty());
}

TEST(RestoreSnapshot, AReservationThatWasNotBoundYetTakesBackWhatItsServiceShows) {
  const model::IpObject ipObject = reserved("front-door", kAddress, false);
  EXPECT_EQ(
      holderAfter({ipObject}, {naming(showing("web", kAddress, true), "front-door")}, kAddress),
      "IP default/front-door");
}

TEST(RestoreSnapshot, AReservationThatWasNotBoundYetGetsNothingThatAForeignServiceShows) {
  model::Service foreign = showing("web", kAddress, false);
  foreign.loadBalancerClass = "example.com/other";
  EXPECT_EQ(holderAfter({reserved("door", kAddress, false)}, {foreign}, kAddress),
            Consumer({Consumer::Kind::kForeign, {"default", "web"}}).toString());
}

TEST(RestoreSnapshot, GarbageIsLeftOut) {
  model::IpObject garbage = recordFor("web", kAddress);
  garbage.spec.address = "not one";
  EXPECT_EQ(holderAfter({garbage}, {showing("web", "::ffff:10.0.0.7", true)}, kAddress), "nobody");
}

// Shared addresses.

model::Service sharing(const std::string& name, std::uint16_t port, const std::string& key = "k") {
  model::Service result = service(name);
  result.annotations["barevip.dev/share"] = key;
  result.ports = {{"", model::Protocol::kTcp, port, 0}};
  result.conditions = {{kAddressAssigned, "True", "Assigned", ""}};
  return result;
}

model::IpObject sharedRecord(const std::string& name, const std::string& port,
                             const std::string& key = "k") {
  model::IpObject ipObject = recordFor(name, kAddress);
  ipObject.spec.shareKey = key;
  ipObject.status.ports = {port};
  return ipObject;
}

std::string portsOf(const Allocation& allocation, const std::string& name) {
  const SharingTerms* const terms = allocation.termsOf({"default", name});
  if (terms == nullptr) return "nobody";
  std::string text;
  for (const Port& port : terms->ports) text += port.toString();
  return text;
}

TEST(RestoreShared, BoundIpObjectsWithOneKeyAreTakenUpTogetherWithTheirPorts) {
  // The Pool forbids it by now, and one asks for a port that the other was granted.
  const Allocator allocator =
      after({sharedRecord("web", "80/TCP"), sharedRecord("tls", "443/TCP")},
            {sharing("web", 80), sharing("tls", 80)}, model::AllowSharing::kNever);
  const Allocation* const allocation = allocator.allocations().find(ip(kAddress));
  ASSERT_NE(allocation, nullptr);
  EXPECT_EQ(portsOf(*allocation, "web"), "80/TCP");
  EXPECT_EQ(portsOf(*allocation, "tls"), "443/TCP") << "what it was granted, not what it asks for";
}

TEST(RestoreShared, IpObjectsWithoutACommonKeyAreOnesAlone) {
  struct Case {
    const char* first;
    const char* second;
  };
  for (const Case& each : {Case{"k", "l"}, Case{"", ""}, Case{"k", ""}, Case{"", "k"}}) {
    const Allocator allocator = after(
        {sharedRecord("web", "80/TCP", each.first), sharedRecord("tls", "443/TCP", each.second)},
        {sharing("web", 80, each.first), sharing("tls", 443, each.second)});
    EXPECT_EQ(allocator.allocations().find(ip(kAddress))->users.size(), 1U);
  }
}

TEST(RestoreShared, AKeyThatWasChangedInPlaceMayBeAheadOfItsRecord) {
  // web was alone under k and went to l; tls joined it there before the record of web said so.
  const Allocator allocator =
      after({sharedRecord("web", "80/TCP", "k"), sharedRecord("tls", "443/TCP", "l")},
            {sharing("web", 80, "l"), sharing("tls", 443, "l")});
  EXPECT_EQ(allocator.allocations().find(ip(kAddress))->users.size(), 2U);
}

TEST(RestoreShared, AKeyThatCouldNotBeChangedIsTheRecordedOne) {
  const Allocator allocator = after({sharedRecord("web", "80/TCP"), sharedRecord("tls", "443/TCP")},
                                    {sharing("web", 80), sharing("tls", 443, "l")});
  EXPECT_EQ(allocator.allocations().find(ip(kAddress))->termsOf({"default", "tls"})->key, "k");
}

TEST(RestoreShared, AnIpObjectThatWasNeverBoundJoinsIfTheRulesAllowIt) {
  model::IpObject interrupted = sharedRecord("z", "443/TCP");
  interrupted.status = {};
  struct Case {
    std::uint16_t port;
    model::AllowSharing allow;
    std::size_t users;
  };
  for (const Case& each :
       {Case{443, model::AllowSharing::kNamespace, 2}, Case{80, model::AllowSharing::kNamespace, 1},
        Case{443, model::AllowSharing::kNever, 1}}) {
    const Allocator allocator = after({sharedRecord("a", "80/TCP"), interrupted},
                                      {sharing("a", 80), sharing("z", each.port)}, each.allow);
    EXPECT_EQ(allocator.allocations().find(ip(kAddress))->users.size(), each.users) << each.port;
  }
}

TEST(RestoreShared, AnOldIpObjectWithoutPortsHasThoseOfItsService) {
  model::IpObject old = sharedRecord("web", "");
  old.status.ports.clear();
  const Allocator allocator = after({old}, {sharing("web", 80)});
  EXPECT_EQ(portsOf(*allocator.allocations().find(ip(kAddress)), "web"), "80/TCP");
}

TEST(RestoreShared, APolicyThatWasRefusedIsNotGrantedByARestart) {
  const auto local = [](const std::string& name, std::uint16_t port, bool assigned) {
    model::Service result = sharing(name, port);
    result.externalTrafficPolicy = model::TrafficPolicy::kLocal;
    result.selector = {{"app", name}};
    if (!assigned) result.conditions = {{kAddressAssigned, "False", "ShareRefused", ""}};
    return result;
  };
  const Allocator allocator = after({sharedRecord("a", "80/TCP"), sharedRecord("b", "443/TCP")},
                                    {local("a", 80, false), local("b", 443, true)});
  const Allocation* const allocation = allocator.allocations().find(ip(kAddress));
  EXPECT_FALSE(allocation->termsOf({"default", "a"})->localPods);
  EXPECT_TRUE(allocation->termsOf({"default", "b"})->localPods);
}

TEST(RestoreShared, WhatSeveralServicesShowIsTakenUpThoughTheRecordsAreGone) {
  std::vector<model::Service> services{sharing("web", 80), sharing("tls", 443)};
  for (model::Service& each : services) each.ingress = {{kAddress, "", ""}};
  EXPECT_EQ(after({}, services).allocations().find(ip(kAddress))->users.size(), 2U);
}

TEST(RestoreShared, WhoseRecordIsGoneCountsWhenTheKeyOfTheOthersIsSought) {
  model::Service tls = sharing("tls", 443);
  tls.ingress = {{kAddress, "", ""}};
  // web has just been told to share no more.
  const Allocator allocator = after({sharedRecord("web", "80/TCP")}, {sharing("web", 80, ""), tls});
  const Allocation* const allocation = allocator.allocations().find(ip(kAddress));
  EXPECT_EQ(allocation->users.size(), 2U);
  EXPECT_EQ(allocation->termsOf({"default", "web"})->key, "k");
}

TEST(RestoreShared, AReservationKeepsItsUsers) {
  model::IpObject door = reserved("door", kAddress, true);
  door.spec.shareKey = "k";
  door.status.services = {"dns", "tls", "web"};
  // tls wants the port of web, and dns another key: neither was granted it.
  model::Service refused = sharing("tls", 80);
  refused.conditions = {{kAddressAssigned, "False", "ShareRefused", ""}};
  const Allocator allocator =
      after({door}, {naming(refused, "door"), naming(sharing("web", 80), "door"),
                     naming(sharing("dns", 53, "l"), "door")});
  const Allocation* const allocation = allocator.allocations().find(ip(kAddress));
  EXPECT_EQ(allocation->toString(), "IP default/door");
  EXPECT_EQ(portsOf(*allocation, "web"), "80/TCP");
  EXPECT_EQ(portsOf(*allocation, "tls"), "");
  EXPECT_EQ(allocation->termsOf({"default", "dns"})->key, "k");
}

}  // namespace
}  // namespace barevip::assigner
