// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::allocatorWith;
using test::dualRequest;
using test::ip;
using test::message;
using test::pool;
using test::reason;
using test::request;
using test::requestFor;
using test::shown;
using testing::ElementsAre;
using testing::HasSubstr;

const kube::ObjectKey kWeb{"default", "web"};

// 1. Who gets which address without asking.

TEST(Assign, GivesTheLowestFreeAddressOfTheFirstPool) {
  Allocator allocator = allocatorWith({pool("b", {"192.0.2.0/30"}), pool("a", {"10.0.0.8/30"})});
  EXPECT_EQ(shown(allocator.assign(request("one"))), "10.0.0.8");
  EXPECT_EQ(shown(allocator.assign(request("two"))), "10.0.0.9");
}

TEST(Assign, GivesTheSameAddressToTheSameServiceForEver) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.8/30"})});
  const Choice first = allocator.assign(request("web"));
  EXPECT_EQ(allocator.assign(request("web")), first);
}

TEST(Assign, GoesOnToTheNextPoolWhenOneIsFull) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.8"}), pool("b", {"192.0.2.1"})});
  allocator.assign(request("one"));
  const Choice second = allocator.assign(request("two"));
  EXPECT_EQ(shown(second), "192.0.2.1");
  EXPECT_EQ(second.addresses[0].pool, "b");
}

TEST(Assign, SaysThatAllAddressesAreHeld) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.8"})});
  allocator.assign(request("one"));
  const Choice second = allocator.assign(request("two"));
  EXPECT_EQ(reason(second), "PoolExhausted");
  EXPECT_THAT(message(second), HasSubstr("\"a\""));
  EXPECT_TRUE(second.addresses.empty());
}

TEST(Assign, SaysThatThereIsNoPool) {
  Allocator allocator;
  EXPECT_EQ(reason(allocator.assign(request("web"))), "NoPool");
}

TEST(Assign, SaysThatNoPoolIsReady) {
  Allocator allocator = allocatorWith({pool("a", {"nonsense"})});
  const Choice choice = allocator.assign(request("web"));
  EXPECT_EQ(reason(choice), "PoolNotReady");
  EXPECT_THAT(message(choice), HasSubstr("nonsense"));
}

TEST(Assign, SaysWhyNoPoolAdmitsTheService) {
  model::Pool shop = pool("shop-only", {"10.0.0.0/24"});
  shop.namespaces = {"shop"};
  model::Pool manual = pool("by-request", {"10.0.1.0/24"});
  manual.autoAssign = false;
  Allocator allocator = allocatorWith({shop, manual});
  const Choice choice = allocator.assign(request("web"));
  EXPECT_EQ(reason(choice), "NoPoolAdmits");
  EXPECT_THAT(message(choice), HasSubstr("neither its namespaces"));
  EXPECT_THAT(message(choice), HasSubstr("autoAssign"));
}

TEST(Assign, PrefersPinnedPoolsAndFallsBackToOpenOnes) {
  model::Pool pinned = pool("z", {"10.0.0.1"});
  pinned.namespaces = {"default"};
  Allocator allocator = allocatorWith({pool("a", {"192.0.2.1"}), pinned});
  EXPECT_EQ(shown(allocator.assign(request("one"))), "10.0.0.1");
  EXPECT_EQ(shown(allocator.assign(request("two"))), "192.0.2.1");
}

// 2. Requests.

TEST(Request, GetsTheAddressThatItAsksFor) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_EQ(shown(allocator.assign(requestFor("web", "10.0.0.77"))), "10.0.0.77");
}

TEST(Request, WorksInPoolsThatGiveOnRequestOnly) {
  model::Pool manual = pool("a", {"10.0.0.0/24"});
  manual.autoAssign = false;
  Allocator allocator = allocatorWith({manual});
  EXPECT_EQ(shown(allocator.assign(requestFor("one", "10.0.0.77"))), "10.0.0.77");
  Request byPool = request("two");
  byPool.pool = "a";
  EXPECT_EQ(shown(allocator.assign(byPool)), "10.0.0.0");
}

TEST(Request, NeverFallsBackSilently) {
  model::Pool shop = pool("shop", {"10.9.0.0/24"});
  shop.namespaceSelector = model::LabelSelector{{{"matches", "nothing"}}, {}};
  model::Pool avoiding = pool("avoiding", {"10.8.0.0/24"});
  avoiding.avoidBuggyIps = avoiding.avoidGatewayIps = true;
  Allocator allocator =
      allocatorWith({pool("a", {"10.0.0.0/24"}), shop, avoiding, pool("bad", {"10.7.0.9/24"})});
  allocator.assign(requestFor("holder", "10.0.0.5"));

  struct Case {
    const char* address;
    const char* pool;
    const char* reason;
    const char* says;
  };
  const Case cases[] = {
      {"10.0.0.5", "", "AddressHeld", "10.0.0.5 is held by Service default/holder"},
      {"172.16.0.1", "", "AddressNotInPool", "no Pool that is ready has the address 172.16.0.1"},
      {"10.0.0.6", "avoiding", "AddressNotInPool", "Pool \"avoiding\" has the address 10.0.0.6"},
      {"10.8.0.255", "", "AddressNotInPool", "avoidBuggyIPs"},
      {"10.8.0.254", "", "AddressNotInPool", "avoidGatewayIPs"},
      {"10.9.0.1", "", "NoPoolAdmits", "Pool \"shop\" does not admit this"},
      {"", "shop", "NoPoolAdmits", "Pool \"shop\" does not admit this"},
      {"", "nowhere", "NoPool", "\"nowhere\""},
      {"", "bad", "PoolNotReady", "10.7.0.0/24"},
  };
  for (const Case& each : cases) {
    Request wanting = request("web");
    if (*each.address != '\0') wanting.addresses = {ip(each.address)};
    wanting.pool = each.pool;
    const Choice choice = allocator.assign(wanting);
    EXPECT_EQ(reason(choice), each.reason) << each.address << each.pool;
    EXPECT_THAT(message(choice), HasSubstr(each.says));
    EXPECT_TRUE(choice.addresses.empty());
  }
  EXPECT_TRUE(allocator.holds().ofService(kWeb).empty());
}

TEST(Request, ThatChangesMovesTheServiceNewAddressFirst) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  allocator.assign(request("web"));
  const Choice moved = allocator.assign(requestFor("web", "10.0.0.9"));
  EXPECT_EQ(shown(moved), "10.0.0.9");
  EXPECT_THAT(moved.surplus, ElementsAre(ip("10.0.0.0")));
  EXPECT_NE(allocator.holds().find(ip("10.0.0.0")), nullptr) << "held until it is released";
  EXPECT_TRUE(allocator.release(kWeb, ip("10.0.0.0")));
  EXPECT_EQ(shown(allocator.assign(request("web"))), "10.0.0.9") << "stays without the request";
}

TEST(Request, ThatCannotBeMetLeavesTheServiceWhatItHas) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"}), pool("b", {"10.1.0.0"})});
  allocator.assign(request("web"));
  allocator.assign(requestFor("other", "10.1.0.0"));
  Request toB = request("web");
  toB.pool = "b";
  const Choice choice = allocator.assign(toB);
  EXPECT_EQ(reason(choice), "PoolExhausted");
  EXPECT_EQ(shown(choice), "10.0.0.0");
  EXPECT_TRUE(choice.surplus.empty());
}

// 3. Families.

TEST(DualStack, TakesBothFromThePoolThatHasBoth) {
  Allocator allocator =
      allocatorWith({pool("a", {"10.0.0.0/24"}), pool("b", {"10.1.0.0/24", "2001:db8::/64"})});
  EXPECT_EQ(shown(allocator.assign(dualRequest("web"))), "10.1.0.0,2001:db8::");
}

TEST(DualStack, TakesThemFromTwoPoolsWhenNoneHasBoth) {
  Allocator allocator =
      allocatorWith({pool("four", {"10.0.0.0/24"}), pool("six", {"2001:db8::/64"})});
  const Choice choice = allocator.assign(dualRequest("web"));
  EXPECT_EQ(shown(choice), "10.0.0.0,2001:db8::");
  EXPECT_EQ(choice.addresses[1].pool, "six");
}

TEST(DualStack, KeepsTheOrderOfAnIpv6FirstService) {
  Allocator allocator = allocatorWith({pool("a", {"10.1.0.0/24", "2001:db8::/64"})});
  Request sixFirst = request("web", {Family::kIpv6, Family::kIpv4});
  EXPECT_EQ(shown(allocator.assign(sixFirst)), "2001:db8::,10.1.0.0");
}

TEST(DualStack, KeepsTheOrderOfAnExplicitList) {
  Allocator allocator = allocatorWith({pool("a", {"10.1.0.0/24", "2001:db8::/64"})});
  Request wanting = dualRequest("web");
  wanting.addresses = {ip("2001:db8::9"), ip("10.1.0.9")};
  EXPECT_EQ(shown(allocator.assign(wanting)), "2001:db8::9,10.1.0.9");
}

TEST(DualStack, ARequestForOneFamilyLeavesTheOtherToThePools) {
  Allocator allocator = allocatorWith({pool("a", {"10.1.0.0/24", "2001:db8::/64"})});
  Request wanting = dualRequest("web");
  wanting.addresses = {ip("10.1.0.9")};
  EXPECT_EQ(shown(allocator.assign(wanting)), "10.1.0.9,2001:db8::");
}

TEST(DualStack, RequiredGetsBothOrNothing) {
  Allocator allocator = allocatorWith({pool("four", {"10.0.0.0/24"})});
  const Choice choice = allocator.assign(dualRequest("web"));
  EXPECT_EQ(reason(choice), "FamilyMissing");
  EXPECT_THAT(message(choice), HasSubstr("IPv6"));
  EXPECT_TRUE(allocator.holds().all().empty());
}

TEST(DualStack, PreferredIsContentWithOneAndSaysWhatIsMissing) {
  Allocator allocator = allocatorWith({pool("six", {"2001:db8::/64"})});
  const Choice choice = allocator.assign(dualRequest("web", false));
  EXPECT_EQ(shown(choice), "2001:db8::");
  EXPECT_FALSE(choice.refusal);
  EXPECT_EQ(choice.incomplete->reason, RefusalReason::kFamilyMissing);
}

TEST(DualStack, UpgradeKeepsTheFirstAddressAndDowngradeFreesOne) {
  Allocator allocator = allocatorWith(
      {pool("a", {"10.0.0.0/24", "2001:db8:a::/64"}), pool("b", {"10.1.0.0/24", "2001:db8::/64"})});
  Request fromB = request("web");
  fromB.pool = "b";
  allocator.assign(fromB);
  EXPECT_EQ(shown(allocator.assign(dualRequest("web"))), "10.1.0.0,2001:db8::")
      << "the second comes from the Pool of the first";
  const Choice down = allocator.assign(request("web"));
  EXPECT_EQ(shown(down), "10.1.0.0");
  EXPECT_THAT(down.surplus, ElementsAre(ip("2001:db8::")));
}

TEST(Keep, OfAMoveThatWasInterruptedWhatIsShownStays) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  allocator.assign(requestFor("web", "10.0.0.7"));
  allocator.assign(requestFor("web", "10.0.0.3"));
  const Choice choice =
      allocator.keep({kWeb, {}}, {ip("10.0.0.7")}, {RefusalReason::kBadRequest, "a typo"});
  EXPECT_EQ(shown(choice), "10.0.0.7");
  EXPECT_THAT(choice.surplus, ElementsAre(ip("10.0.0.3")));
}

TEST(Keep, WhoseRequestCannotBeReadHasItsNewPortsAllTheSame) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  allocator.assign(request("web"));
  const Terms terms{"k", {{model::Protocol::kTcp, 443}}, std::nullopt};
  const Choice choice = allocator.keep({kWeb, terms}, {}, {RefusalReason::kBadRequest, "a typo"});
  EXPECT_EQ(shown(choice), "10.0.0.0");
  EXPECT_TRUE(choice.addresses[0].regranted);
  EXPECT_EQ(*allocator.holds().find(ip("10.0.0.0"))->termsOf(kWeb), terms);
}

// 4. Edits of Pools.

TEST(PoolEdit, ShrinkingRenumbersNobodyAndNamesTheHolders) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  allocator.assign(requestFor("web", "10.0.0.200"));
  allocator.setPools(planPools({pool("a", {"10.0.0.0/25"})}));
  EXPECT_EQ(shown(allocator.assign(requestFor("web", "10.0.0.200"))), "10.0.0.200");
  EXPECT_EQ(shown(allocator.assign(request("web"))), "10.0.0.200");
  const PoolUsage usage = allocator.usage("a");
  EXPECT_EQ(usage.ipv4, (PoolUsage::Counts{128, 1, 128}));
  ASSERT_EQ(usage.outside.size(), 1U);
  EXPECT_EQ(usage.outside[0].second.toString(), "Service default/web");
  allocator.releaseAll(kWeb);
  EXPECT_TRUE(allocator.usage("a").outside.empty());
  EXPECT_EQ(reason(allocator.assign(requestFor("web", "10.0.0.200"))), "AddressNotInPool");
}

TEST(PoolEdit, DeletionOfAllPoolsWipesNothing) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const std::string before = shown(allocator.assign(request("web")));
  allocator.setPools({});
  EXPECT_EQ(shown(allocator.assign(request("web"))), before);
  allocator.setPools(planPools({pool("again", {"10.0.0.0/24"})}));
  EXPECT_NE(shown(allocator.assign(request("other"))), before) << "not given again";
}

TEST(PoolEdit, ABadPoolKeepsItsHolders) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const std::string before = shown(allocator.assign(request("web")));
  allocator.setPools(planPools({pool("a", {"10.0.0.0/24", "oops"})}));
  EXPECT_EQ(shown(allocator.assign(request("web"))), before);
  EXPECT_EQ(allocator.usage("a").outside.size(), 1U);
}

TEST(PoolEdit, ALabelChangeTakesNoAddressAway) {
  model::Pool fenced = pool("a", {"10.0.0.0/24"});
  Allocator allocator = allocatorWith({fenced});
  const std::string before = shown(allocator.assign(request("web")));
  fenced.namespaces = {"elsewhere"};
  allocator.setPools(planPools({fenced}));
  EXPECT_EQ(shown(allocator.assign(request("web"))), before);
}

TEST(PoolEdit, ARenamedPoolTakesItsHoldersOver) {
  Allocator allocator = allocatorWith({pool("old", {"10.0.0.0/24"})});
  allocator.assign(request("web"));
  allocator.setPools(planPools({pool("new", {"10.0.0.0/24"})}));
  EXPECT_EQ(allocator.assign(request("web")).addresses[0].pool, "new");
  EXPECT_EQ(allocator.usage("new").ipv4.allocated, 1U);
}

TEST(PoolEdit, AnAddressThatItsPresentPoolAvoidsCountsForThatPool) {
  Allocator allocator = allocatorWith({pool("old", {"10.0.0.0/30"})});
  allocator.assign(request("web"));
  model::Pool careful = pool("new", {"10.0.0.0/30"});
  careful.avoidBuggyIps = true;
  allocator.setPools(planPools({careful}));
  EXPECT_EQ(allocator.usage("new").ipv4, (PoolUsage::Counts{3, 1, 3}));
  EXPECT_EQ(allocator.usage("new").outside.size(), 1U);
  allocator.releaseAll(kWeb);
  EXPECT_EQ(allocator.usage("new").ipv4.allocated, 0U);
}

TEST(PoolEdit, AfterASplitItIsKnownWhichPoolGaveTheAddress) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/30"})});
  allocator.assign(request("web"));
  allocator.setPools(planPools({pool("a", {"10.0.0.2/31"}), pool("b", {"10.0.0.0/31"})}));
  const Choice choice = allocator.assign(request("web"));
  EXPECT_EQ(choice.addresses[0].pool, "b");
  EXPECT_EQ(choice.addresses[0].givenFrom, "a");
}

TEST(PoolEdit, AnAddressIsGivenOnceThoughTwoPoolsHaveIt) {
  model::Pool first = pool("a", {"10.0.0.0/30"});
  Allocator allocator = allocatorWith({first});
  allocator.assign(request("web"));
  // The holder's Pool is gone for a moment; its addresses belong to another one by now.
  allocator.setPools(planPools({pool("b", {"10.0.0.0/29"})}));
  EXPECT_EQ(shown(allocator.assign(request("other"))), "10.0.0.1");
}

// 5. Taking up, foreign addresses, reservations.

bool takeUp(Allocator& allocator, const std::string& name, const std::string& address) {
  return allocator.takeUp({{"default", name}, {}, "a"}, ip(address), Allocator::Proof::kGranted);
}

TEST(TakeUp, GivesEveryHolderItsAddressBack) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_TRUE(takeUp(allocator, "web", "10.0.0.0"));
  EXPECT_EQ(shown(allocator.assign(request("other"))), "10.0.0.1");
  EXPECT_EQ(shown(allocator.assign(request("web"))), "10.0.0.0");
}

TEST(TakeUp, RefusesASecondHolder) {
  Allocator allocator;
  EXPECT_TRUE(takeUp(allocator, "web", "10.0.0.0"));
  EXPECT_TRUE(takeUp(allocator, "web", "10.0.0.0"));
  EXPECT_FALSE(takeUp(allocator, "thief", "10.0.0.0"));
}

TEST(TakeUp, OfTwoAddressesOfOneFamilyTheShownOneStays) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  takeUp(allocator, "web", "10.0.0.3");
  takeUp(allocator, "web", "10.0.0.7");
  Request shows = request("web");
  shows.shown = {ip("10.0.0.7")};
  const Choice choice = allocator.assign(shows);
  EXPECT_EQ(shown(choice), "10.0.0.7");
  EXPECT_THAT(choice.surplus, ElementsAre(ip("10.0.0.3")));
}

TEST(Foreign, AddressesThatOthersShowAreNotGiven) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const kube::ObjectKey foreign{"kube-system", "traefik"};
  allocator.setForeign(foreign, {ip("10.0.0.0"), ip("172.16.0.1")});
  EXPECT_EQ(shown(allocator.assign(request("web"))), "10.0.0.1");
  EXPECT_EQ(reason(allocator.assign(requestFor("x", "10.0.0.0"))), "AddressHeld");
  EXPECT_TRUE(allocator.setForeign(foreign, {}));
  EXPECT_EQ(shown(allocator.assign(request("other"))), "10.0.0.0");
}

TEST(Foreign, WhatOthersShowIsNotGivenWhenOursLeavesIt) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  allocator.assign(request("web"));
  const kube::ObjectKey foreign{"kube-system", "traefik"};
  allocator.setForeign(foreign, {ip("10.0.0.0")});
  EXPECT_TRUE(allocator.holds().ofForeign(foreign).empty());
  allocator.releaseAll(kWeb);
  EXPECT_EQ(shown(allocator.assign(request("other"))), "10.0.0.1");
  EXPECT_TRUE(allocator.setForeign(foreign, {}));
}

Reservation reservation(const std::string& name, const std::string& address = "") {
  Reservation result;
  result.claim = {"default", name};
  result.applicant = {"default", model::StringMap{}, std::nullopt};
  if (!address.empty()) result.address = ip(address);
  return result;
}

Request byName(const std::string& service, const std::string& claim) {
  Request result = request(service);
  result.claims = {claim};
  return result;
}

TEST(Reserve, AnAddressWhoseHoldersNameTheObjectIsReservedWithThemAsUsers) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  allocator.assign(request("web"));
  const auto door = reservation("door", "10.0.0.0");
  const auto nobody = [](const kube::ObjectKey&) { return false; };
  EXPECT_EQ(allocator.reserve(door, nobody).error().reason, RefusalReason::kAddressHeld);
  const auto web = [](const kube::ObjectKey& service) { return service == kWeb; };
  ASSERT_TRUE(allocator.reserve(door, web));
  const Choice choice = allocator.assign(byName("web", "door"));
  EXPECT_EQ(shown(choice), "10.0.0.0");
  EXPECT_EQ(choice.addresses[0].reservation, "door");
  EXPECT_TRUE(choice.surplus.empty());
}

TEST(Reservations, AreGivenToNobodyButTheServiceThatNamesThem) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_EQ(allocator.reserve(reservation("front-door", "10.0.0.0"))->pool, "a");
  EXPECT_EQ(shown(allocator.assign(request("other"))), "10.0.0.1");
  const Choice direct = allocator.assign(requestFor("thief", "10.0.0.0"));
  EXPECT_THAT(message(direct), HasSubstr("barevip.dev/ip: front-door"));
  const Choice named = allocator.assign(byName("web", "front-door"));
  EXPECT_EQ(shown(named), "10.0.0.0");
  EXPECT_EQ(named.addresses[0].reservation, "front-door");
}

TEST(Reservations, HaveOneUserAndOutliveIt) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("front-door", "10.0.0.5")));
  allocator.assign(byName("web", "front-door"));
  EXPECT_THAT(message(allocator.assign(byName("second", "front-door"))),
              HasSubstr("IP default/front-door is used by Service default/web"));
  allocator.releaseAll(kWeb);
  EXPECT_EQ(shown(allocator.assign(byName("second", "front-door"))), "10.0.0.5");
}

TEST(Reservations, WithoutAnAddressGetTheLowestFreeOne) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  Reservation six = reservation("six");
  six.family = Family::kIpv6;
  EXPECT_EQ(allocator.reserve(six)->address, ip("2001:db8::"));
  EXPECT_EQ(allocator.reserve(six)->address, ip("2001:db8::")) << "and keep it";
}

TEST(Reservations, ThatAreNotThereLetTheServiceWait) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_EQ(reason(allocator.assign(byName("web", "nothing"))), "ReservationMissing");
}

TEST(Reservations, AreRefusedWhereAServiceWouldBe) {
  model::Pool shop = pool("shop", {"10.9.0.0/24"});
  shop.namespaces = {"shop"};
  Allocator allocator = allocatorWith({shop, pool("a", {"10.0.0.0/24"})});
  allocator.assign(request("web"));
  EXPECT_EQ(allocator.reserve(reservation("x", "10.0.0.0")).error().reason,
            RefusalReason::kAddressHeld);
  EXPECT_EQ(allocator.reserve(reservation("x", "10.9.0.0")).error().reason,
            RefusalReason::kNoPoolAdmits);
}

TEST(Reservations, DeletedUnderAServiceLeaveItTheAddress) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("front-door", "10.0.0.5")));
  allocator.assign(byName("web", "front-door"));
  EXPECT_FALSE(allocator.unreserve({"default", "front-door"}));
  const Choice choice = allocator.assign(byName("web", "front-door"));
  EXPECT_EQ(reason(choice), "ReservationMissing");
  EXPECT_EQ(shown(choice), "10.0.0.5");
}

TEST(Reservations, ThatTheServiceNoLongerNamesAreLeftAfterTheMove) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("front-door", "10.0.0.5")));
  allocator.assign(byName("web", "front-door"));
  const Choice moved = allocator.assign(request("web"));
  EXPECT_EQ(shown(moved), "10.0.0.0");
  EXPECT_THAT(moved.surplus, ElementsAre(ip("10.0.0.5")));
  allocator.release(kWeb, ip("10.0.0.5"));
  EXPECT_TRUE(allocator.holds().find(ip("10.0.0.5"))) << "still reserved";
}

}  // namespace
}  // namespace barevip::assigner
