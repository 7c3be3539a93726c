// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::allocatorWith;
using test::assign;
using test::dualRequest;
using test::ip;
using test::keep;
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
  EXPECT_EQ(shown(assign(allocator, request("one"))), "10.0.0.8");
  EXPECT_EQ(shown(assign(allocator, request("two"))), "10.0.0.9");
}

TEST(Assign, GivesTheSameAddressToTheSameServiceForEver) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.8/30"})});
  const Choice first = assign(allocator, request("web"));
  EXPECT_EQ(assign(allocator, request("web")), first);
}

TEST(Assign, GoesOnToTheNextPoolWhenOneIsFull) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.8"}), pool("b", {"192.0.2.1"})});
  assign(allocator, request("one"));
  const Choice second = assign(allocator, request("two"));
  EXPECT_EQ(shown(second), "192.0.2.1");
  EXPECT_EQ(second.addresses[0].pool, "b");
}

TEST(Assign, SaysThatAllAddressesAreHeld) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.8"})});
  assign(allocator, request("one"));
  const Choice second = assign(allocator, request("two"));
  EXPECT_EQ(reason(second), "PoolExhausted");
  EXPECT_THAT(message(second), HasSubstr("\"a\""));
  EXPECT_TRUE(second.addresses.empty());
}

// Whoever is refused is looked at again only when something goes that he is known to wait for.
TEST(Assign, KnowsEverythingWhoseEndWouldDo) {
  model::Pool narrow = pool("narrow", {"10.0.0.0/30"});
  narrow.maxPerNamespace = 1;
  model::Pool alsoNarrow = pool("also-narrow", {"10.1.0.0/30"});
  alsoNarrow.maxPerNamespace = 1;
  Request joining = request("web");
  joining.terms.key = "k";
  joining.terms.ports = {{model::Protocol::kTcp, 80}};
  Request other = joining;
  other.service.name = "one";
  struct Case {
    std::string name;
    std::vector<model::Pool> pools;
    std::vector<Request> before;
    Request request;
    Obstacle expected;
  };
  const std::vector<Case> cases{
      {"either family, and no Pool has the first",
       {pool("a", {"2001:db8::1"})},
       {request("one", {Family::kIpv6})},
       dualRequest("web", false),
       {.exhausted = {{"a", Family::kIpv6}}}},
      {"either family, and both are held",
       {pool("a", {"10.0.0.8", "2001:db8::1"})},
       {dualRequest("one")},
       dualRequest("web", false),
       {.exhausted = {{"a", Family::kIpv4}, {"a", Family::kIpv6}}}},
      {"one Pool is full, another lets the namespace have no more",
       {pool("full", {"192.0.2.1"}), narrow},
       {request("one"), request("two")},
       request("web"),
       {.exhausted = {{"full", Family::kIpv4}}, .limits = {{"narrow", Family::kIpv4}}}},
      {"two Pools let the namespace have no more",
       {narrow, alsoNarrow},
       {request("one"), request("two")},
       request("web"),
       {.limits = {{"also-narrow", Family::kIpv4}, {"narrow", Family::kIpv4}}}},
      {"all is held in one Pool, and the share that there is cannot be joined",
       {pool("a", {"10.0.0.8"})},
       {other},
       joining,
       {.exhausted = {{"a", Family::kIpv4}}, .addresses = {ip("10.0.0.8")}}},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    Allocator allocator = allocatorWith(each.pools);
    for (const Request& before : each.before) ASSERT_FALSE(assign(allocator, before).refusal);
    const Choice choice = assign(allocator, each.request);
    ASSERT_TRUE(choice.refusal);
    EXPECT_EQ(choice.refusal->obstacle, each.expected);
  }
}

TEST(Assign, SaysThatThereIsNoPool) {
  Allocator allocator;
  EXPECT_EQ(reason(assign(allocator, request("web"))), "NoPool");
}

TEST(Assign, SaysThatNoPoolIsReady) {
  Allocator allocator = allocatorWith({pool("a", {"nonsense"})});
  const Choice choice = assign(allocator, request("web"));
  EXPECT_EQ(reason(choice), "PoolNotReady");
  EXPECT_THAT(message(choice), HasSubstr("nonsense"));
}

TEST(Assign, SaysWhyNoPoolAdmitsTheService) {
  model::Pool shop = pool("shop-only", {"10.0.0.0/24"});
  shop.namespaces = {"shop"};
  model::Pool manual = pool("by-request", {"10.0.1.0/24"});
  manual.autoAssign = false;
  Allocator allocator = allocatorWith({shop, manual});
  const Choice choice = assign(allocator, request("web"));
  EXPECT_EQ(reason(choice), "NoPoolAdmits");
  EXPECT_THAT(message(choice), HasSubstr("neither its namespaces"));
  EXPECT_THAT(message(choice), HasSubstr("autoAssign"));
}

TEST(Assign, PrefersPinnedPoolsAndFallsBackToOpenOnes) {
  model::Pool pinned = pool("z", {"10.0.0.1"});
  pinned.namespaces = {"default"};
  Allocator allocator = allocatorWith({pool("a", {"192.0.2.1"}), pinned});
  EXPECT_EQ(shown(assign(allocator, request("one"))), "10.0.0.1");
  EXPECT_EQ(shown(assign(allocator, request("two"))), "192.0.2.1");
}

// 2. Requests.

TEST(Request, GetsTheAddressThatItAsksFor) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_EQ(shown(assign(allocator, requestFor("web", "10.0.0.77"))), "10.0.0.77");
}

TEST(Request, WorksInPoolsThatGiveOnRequestOnly) {
  model::Pool manual = pool("a", {"10.0.0.0/24"});
  manual.autoAssign = false;
  Allocator allocator = allocatorWith({manual});
  EXPECT_EQ(shown(assign(allocator, requestFor("one", "10.0.0.77"))), "10.0.0.77");
  Request byPool = request("two");
  byPool.pool = "a";
  EXPECT_EQ(shown(assign(allocator, byPool)), "10.0.0.0");
}

TEST(Request, NeverFallsBackSilently) {
  model::Pool shop = pool("shop", {"10.9.0.0/24"});
  shop.namespaceSelector = model::LabelSelector{{{"matches", "nothing"}}, {}};
  model::Pool avoiding = pool("avoiding", {"10.8.0.0/24"});
  avoiding.avoidBuggyIps = avoiding.avoidGatewayIps = true;
  Allocator allocator =
      allocatorWith({pool("a", {"10.0.0.0/24"}), shop, avoiding, pool("bad", {"10.7.0.9/24"})});
  assign(allocator, requestFor("holder", "10.0.0.5"));

  struct Case {
    const char* address;
    const char* pool;
    const char* reason;
    const char* says;
  };
  const Case cases[] = {
      {"10.0.0.5", "", "AddressHeld", "10.0.0.5 is allocated to Service default/holder"},
      {"172.16.0.1", "", "AddressNotInPool", "no ready Pool has the requested address 172.16.0.1"},
      {"10.0.0.6", "avoiding", "AddressNotInPool",
       "Pool \"avoiding\" does not have the requested address 10.0.0.6"},
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
    const Choice choice = assign(allocator, wanting);
    EXPECT_EQ(reason(choice), each.reason) << each.address << each.pool;
    EXPECT_THAT(message(choice), HasSubstr(each.says));
    EXPECT_TRUE(choice.addresses.empty());
  }
  EXPECT_TRUE(allocator.allocations().ofService(kWeb).empty());
}

TEST(Request, ThatChangesMovesTheServiceNewAddressFirst) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  const Choice moved = assign(allocator, requestFor("web", "10.0.0.9"));
  EXPECT_EQ(shown(moved), "10.0.0.9");
  EXPECT_THAT(moved.surplus, ElementsAre(ip("10.0.0.0")));
  EXPECT_NE(allocator.allocations().find(ip("10.0.0.0")), nullptr) << "held until it is released";
  EXPECT_TRUE(allocator.release(kWeb, ip("10.0.0.0")));
  EXPECT_EQ(shown(assign(allocator, request("web"))), "10.0.0.9") << "stays without the request";
}

TEST(Request, ThatCannotBeMetLeavesTheServiceWhatItHas) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"}), pool("b", {"10.1.0.0"})});
  assign(allocator, request("web"));
  assign(allocator, requestFor("other", "10.1.0.0"));
  Request toB = request("web");
  toB.pool = "b";
  const Choice choice = assign(allocator, toB);
  EXPECT_EQ(reason(choice), "PoolExhausted");
  EXPECT_EQ(shown(choice), "10.0.0.0");
  EXPECT_TRUE(choice.surplus.empty());
}

// 3. Families.

TEST(DualStack, TakesBothFromThePoolThatHasBoth) {
  Allocator allocator =
      allocatorWith({pool("a", {"10.0.0.0/24"}), pool("b", {"10.1.0.0/24", "2001:db8::/64"})});
  EXPECT_EQ(shown(assign(allocator, dualRequest("web"))), "10.1.0.0,2001:db8::");
}

TEST(DualStack, TakesThemFromTwoPoolsWhenNoneHasBoth) {
  Allocator allocator =
      allocatorWith({pool("four", {"10.0.0.0/24"}), pool("six", {"2001:db8::/64"})});
  const Choice choice = assign(allocator, dualRequest("web"));
  EXPECT_EQ(shown(choice), "10.0.0.0,2001:db8::");
  EXPECT_EQ(choice.addresses[1].pool, "six");
}

TEST(DualStack, KeepsTheOrderOfAnIpv6FirstService) {
  Allocator allocator = allocatorWith({pool("a", {"10.1.0.0/24", "2001:db8::/64"})});
  Request sixFirst = request("web", {Family::kIpv6, Family::kIpv4});
  EXPECT_EQ(shown(assign(allocator, sixFirst)), "2001:db8::,10.1.0.0");
}

TEST(DualStack, KeepsTheOrderOfAnExplicitList) {
  Allocator allocator = allocatorWith({pool("a", {"10.1.0.0/24", "2001:db8::/64"})});
  Request wanting = dualRequest("web");
  wanting.addresses = {ip("2001:db8::9"), ip("10.1.0.9")};
  EXPECT_EQ(shown(assign(allocator, wanting)), "2001:db8::9,10.1.0.9");
}

TEST(DualStack, ARequestForOneFamilyLeavesTheOtherToThePools) {
  Allocator allocator = allocatorWith({pool("a", {"10.1.0.0/24", "2001:db8::/64"})});
  Request wanting = dualRequest("web");
  wanting.addresses = {ip("10.1.0.9")};
  EXPECT_EQ(shown(assign(allocator, wanting)), "10.1.0.9,2001:db8::");
}

TEST(DualStack, RequiredGetsBothOrNothing) {
  Allocator allocator = allocatorWith({pool("four", {"10.0.0.0/24"})});
  const Choice choice = assign(allocator, dualRequest("web"));
  EXPECT_EQ(reason(choice), "FamilyMissing");
  EXPECT_THAT(message(choice), HasSubstr("IPv6"));
  EXPECT_TRUE(allocator.allocations().all().empty());
}

TEST(DualStack, PreferredIsContentWithOneAndSaysWhatIsMissing) {
  Allocator allocator = allocatorWith({pool("six", {"2001:db8::/64"})});
  const Choice choice = assign(allocator, dualRequest("web", false));
  EXPECT_EQ(shown(choice), "2001:db8::");
  EXPECT_FALSE(choice.refusal);
  EXPECT_EQ(choice.incomplete->reason, RefusalReason::kFamilyMissing);
}

TEST(DualStack, UpgradeKeepsTheFirstAddressAndDowngradeFreesOne) {
  Allocator allocator = allocatorWith(
      {pool("a", {"10.0.0.0/24", "2001:db8:a::/64"}), pool("b", {"10.1.0.0/24", "2001:db8::/64"})});
  Request fromB = request("web");
  fromB.pool = "b";
  assign(allocator, fromB);
  EXPECT_EQ(shown(assign(allocator, dualRequest("web"))), "10.1.0.0,2001:db8::")
      << "the second comes from the Pool of the first";
  const Choice down = assign(allocator, request("web"));
  EXPECT_EQ(shown(down), "10.1.0.0");
  EXPECT_THAT(down.surplus, ElementsAre(ip("2001:db8::")));
}

TEST(Keep, OfAMoveThatWasInterruptedWhatIsShownStays) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, requestFor("web", "10.0.0.7"));
  assign(allocator, requestFor("web", "10.0.0.3"));
  const Choice choice = keep(allocator, {kWeb, {}}, {ip("10.0.0.7")});
  EXPECT_EQ(shown(choice), "10.0.0.7");
  EXPECT_THAT(choice.surplus, ElementsAre(ip("10.0.0.3")));
}

TEST(Keep, WhoseRequestCannotBeReadHasItsNewPortsAllTheSame) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  const SharingTerms terms{"k", {{model::Protocol::kTcp, 443}}, std::nullopt};
  const Choice choice = keep(allocator, {kWeb, terms}, {});
  EXPECT_EQ(shown(choice), "10.0.0.0");
  EXPECT_TRUE(choice.addresses[0].termsChanged);
  EXPECT_EQ(*allocator.allocations().find(ip("10.0.0.0"))->termsOf(kWeb), terms);
}

// 4. Edits of Pools.

TEST(PoolEdit, ShrinkingRenumbersNobodyAndNamesTheConsumers) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, requestFor("web", "10.0.0.200"));
  allocator.setPools(planPools({pool("a", {"10.0.0.0/25"})}));
  EXPECT_EQ(shown(assign(allocator, requestFor("web", "10.0.0.200"))), "10.0.0.200");
  EXPECT_EQ(shown(assign(allocator, request("web"))), "10.0.0.200");
  const PoolUsage usage = allocator.usage("a");
  EXPECT_EQ(usage.ipv4, (PoolUsage::Counts{128, 1, 128}));
  ASSERT_EQ(usage.outside.size(), 1U);
  EXPECT_EQ(usage.outside[0].second.toString(), "Service default/web");
  allocator.releaseAll(kWeb);
  EXPECT_TRUE(allocator.usage("a").outside.empty());
  EXPECT_EQ(reason(assign(allocator, requestFor("web", "10.0.0.200"))), "AddressNotInPool");
}

TEST(PoolEdit, DeletionOfAllPoolsWipesNothing) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const std::string before = shown(assign(allocator, request("web")));
  allocator.setPools({});
  EXPECT_EQ(shown(assign(allocator, request("web"))), before);
  allocator.setPools(planPools({pool("again", {"10.0.0.0/24"})}));
  EXPECT_NE(shown(assign(allocator, request("other"))), before) << "not given again";
}

TEST(PoolEdit, ABadPoolKeepsItsConsumers) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const std::string before = shown(assign(allocator, request("web")));
  allocator.setPools(planPools({pool("a", {"10.0.0.0/24", "oops"})}));
  EXPECT_EQ(shown(assign(allocator, request("web"))), before);
  EXPECT_EQ(allocator.usage("a").outside.size(), 1U);
}

TEST(PoolEdit, ALabelChangeTakesNoAddressAway) {
  model::Pool fenced = pool("a", {"10.0.0.0/24"});
  Allocator allocator = allocatorWith({fenced});
  const std::string before = shown(assign(allocator, request("web")));
  fenced.namespaces = {"elsewhere"};
  allocator.setPools(planPools({fenced}));
  EXPECT_EQ(shown(assign(allocator, request("web"))), before);
}

TEST(PoolEdit, ARenamedPoolTakesItsConsumersOver) {
  Allocator allocator = allocatorWith({pool("old", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  allocator.setPools(planPools({pool("new", {"10.0.0.0/24"})}));
  EXPECT_EQ(assign(allocator, request("web")).addresses[0].pool, "new");
  EXPECT_EQ(allocator.usage("new").ipv4.allocated, 1U);
}

TEST(PoolEdit, AnAddressThatItsPresentPoolAvoidsCountsForThatPool) {
  Allocator allocator = allocatorWith({pool("old", {"10.0.0.0/30"})});
  assign(allocator, request("web"));
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
  assign(allocator, request("web"));
  allocator.setPools(planPools({pool("a", {"10.0.0.2/31"}), pool("b", {"10.0.0.0/31"})}));
  const Choice choice = assign(allocator, request("web"));
  EXPECT_EQ(choice.addresses[0].pool, "b");
  EXPECT_EQ(choice.addresses[0].sourcePool, "a");
}

TEST(PoolEdit, AnAddressIsGivenOnceThoughTwoPoolsHaveIt) {
  model::Pool first = pool("a", {"10.0.0.0/30"});
  Allocator allocator = allocatorWith({first});
  assign(allocator, request("web"));
  // The consumer's Pool is gone for a moment; its addresses belong to another one by now.
  allocator.setPools(planPools({pool("b", {"10.0.0.0/29"})}));
  EXPECT_EQ(shown(assign(allocator, request("other"))), "10.0.0.1");
}

// 5. Taking up, foreign addresses, reservations.

bool restore(Allocator& allocator, const std::string& name, const std::string& address) {
  return allocator.restore({{"default", name}, {}, "a"}, ip(address),
                           Allocator::Evidence::kRecorded);
}

TEST(Restore, GivesEveryConsumerItsAddressBack) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_TRUE(restore(allocator, "web", "10.0.0.0"));
  EXPECT_EQ(shown(assign(allocator, request("other"))), "10.0.0.1");
  EXPECT_EQ(shown(assign(allocator, request("web"))), "10.0.0.0");
}

TEST(Restore, RefusesASecondConsumer) {
  Allocator allocator;
  EXPECT_TRUE(restore(allocator, "web", "10.0.0.0"));
  EXPECT_TRUE(restore(allocator, "web", "10.0.0.0"));
  EXPECT_FALSE(restore(allocator, "thief", "10.0.0.0"));
}

TEST(Restore, OfTwoAddressesOfOneFamilyTheShownOneStays) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, "web", "10.0.0.3");
  restore(allocator, "web", "10.0.0.7");
  Request shows = request("web");
  shows.shown = {ip("10.0.0.7")};
  const Choice choice = assign(allocator, shows);
  EXPECT_EQ(shown(choice), "10.0.0.7");
  EXPECT_THAT(choice.surplus, ElementsAre(ip("10.0.0.3")));
}

TEST(Foreign, AddressesThatOthersShowAreNotGiven) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const kube::ObjectKey foreign{"kube-system", "traefik"};
  allocator.setForeign(foreign, {ip("10.0.0.0"), ip("172.16.0.1")});
  EXPECT_EQ(shown(assign(allocator, request("web"))), "10.0.0.1");
  EXPECT_EQ(reason(assign(allocator, requestFor("x", "10.0.0.0"))), "AddressHeld");
  EXPECT_TRUE(allocator.setForeign(foreign, {}));
  EXPECT_EQ(shown(assign(allocator, request("other"))), "10.0.0.0");
}

TEST(Foreign, WhatOthersShowIsNotGivenWhenOursLeavesIt) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  const kube::ObjectKey foreign{"kube-system", "traefik"};
  allocator.setForeign(foreign, {ip("10.0.0.0")});
  EXPECT_TRUE(allocator.allocations().ofForeign(foreign).empty());
  allocator.releaseAll(kWeb);
  EXPECT_EQ(shown(assign(allocator, request("other"))), "10.0.0.1");
  EXPECT_TRUE(allocator.setForeign(foreign, {}));
}

Reservation reservation(const std::string& name, const std::string& address = "") {
  Reservation result;
  result.ipObject = {"default", name};
  result.requester = {"default", model::StringMap{}, std::nullopt};
  if (!address.empty()) result.address = ip(address);
  return result;
}

Request byName(const std::string& service, const std::string& ipObject) {
  Request result = request(service);
  result.ipObjects = {ipObject};
  return result;
}

TEST(Reserve, WhoeverNamesObjectsThatDoNotDoWaitsForAllOfThem) {
  Request both = byName("web", "one");
  both.ipObjects.emplace_back("two");
  const Obstacle expected{.ipObjects = {{"default", "one"}, {"default", "two"}}};
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  EXPECT_EQ(assign(allocator, both).refusal->obstacle, expected) << "there are none";
  ASSERT_TRUE(allocator.reserve(reservation("one", "2001:db8::1")));
  allocator.recorded({"default", "one"});
  EXPECT_EQ(assign(allocator, both).refusal->obstacle, expected) << "the family is wrong";
  ASSERT_TRUE(allocator.reserve(reservation("two", "2001:db8::2")));
  allocator.recorded({"default", "two"});
  both.families = {Family::kIpv6};
  EXPECT_EQ(assign(allocator, both).refusal->obstacle, expected) << "both are of one family";
}

TEST(Reserve, AnAddressWhoseConsumersNameTheObjectIsReservedWithThemAsUsers) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  const auto door = reservation("door", "10.0.0.0");
  const auto nobody = [](const kube::ObjectKey&) { return false; };
  EXPECT_EQ(allocator.reserve(door, nobody).error().reason, RefusalReason::kAddressHeld);
  const auto web = [](const kube::ObjectKey& service) { return service == kWeb; };
  ASSERT_TRUE(allocator.reserve(door, web));
  const Choice choice = assign(allocator, byName("web", "door"));
  EXPECT_EQ(shown(choice), "10.0.0.0");
  EXPECT_EQ(choice.addresses[0].reservation, "door");
  EXPECT_TRUE(choice.surplus.empty());
}

TEST(Reservations, AreGivenToNobodyButTheServiceThatNamesThem) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_EQ(allocator.reserve(reservation("front-door", "10.0.0.0"))->pool, "a");
  EXPECT_EQ(shown(assign(allocator, request("other"))), "10.0.0.1");
  const Choice direct = assign(allocator, requestFor("thief", "10.0.0.0"));
  EXPECT_THAT(message(direct), HasSubstr("barevip.dev/ip: front-door"));
  const Choice named = assign(allocator, byName("web", "front-door"));
  EXPECT_EQ(shown(named), "10.0.0.0");
  EXPECT_EQ(named.addresses[0].reservation, "front-door");
}

TEST(Reservations, HaveOneUserAndOutliveIt) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("front-door", "10.0.0.5")));
  assign(allocator, byName("web", "front-door"));
  EXPECT_THAT(message(assign(allocator, byName("second", "front-door"))),
              HasSubstr("IP default/front-door is used by Service default/web"));
  allocator.releaseAll(kWeb);
  EXPECT_EQ(shown(assign(allocator, byName("second", "front-door"))), "10.0.0.5");
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
  EXPECT_EQ(reason(assign(allocator, byName("web", "nothing"))), "ReservationMissing");
}

TEST(Reservations, AreRefusedWhereAServiceWouldBe) {
  model::Pool shop = pool("shop", {"10.9.0.0/24"});
  shop.namespaces = {"shop"};
  Allocator allocator = allocatorWith({shop, pool("a", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  EXPECT_EQ(allocator.reserve(reservation("x", "10.0.0.0")).error().reason,
            RefusalReason::kAddressHeld);
  EXPECT_EQ(allocator.reserve(reservation("x", "10.9.0.0")).error().reason,
            RefusalReason::kNoPoolAdmits);
}

TEST(Reservations, DeletedUnderAServiceLeaveItTheAddress) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("front-door", "10.0.0.5")));
  assign(allocator, byName("web", "front-door"));
  EXPECT_FALSE(allocator.unreserve({"default", "front-door"}));
  const Choice choice = assign(allocator, byName("web", "front-door"));
  EXPECT_EQ(reason(choice), "ReservationMissing");
  EXPECT_EQ(shown(choice), "10.0.0.5");
}

TEST(Reservations, ThatTheServiceNoLongerNamesAreLeftAfterTheMove) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("front-door", "10.0.0.5")));
  assign(allocator, byName("web", "front-door"));
  const Choice moved = assign(allocator, request("web"));
  EXPECT_EQ(shown(moved), "10.0.0.0");
  EXPECT_THAT(moved.surplus, ElementsAre(ip("10.0.0.5")));
  allocator.release(kWeb, ip("10.0.0.5"));
  EXPECT_TRUE(allocator.allocations().find(ip("10.0.0.5"))) << "still reserved";
}

}  // namespace
}  // namespace barevip::assigner
