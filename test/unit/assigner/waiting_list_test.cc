// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/waiting_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using testing::ElementsAre;
using testing::IsEmpty;

Consumer service(const std::string& name, const std::string& ns = "default") {
  return {Consumer::Kind::kService, {ns, name}};
}

const WaitingList::HasRoom kRoom = [](const Limit&, const Consumer&) { return true; };

WaitingList::Entry forPool(std::int64_t since, const std::string& pool) {
  WaitingList::Entry entry{
      since, RefusalReason::kPoolExhausted, WaitingList::Standing::kWaits, {}, {}};
  entry.obstacle.exhausted = {{pool, Family::kIpv4}};
  return entry;
}

WaitingList::Entry forAddress(std::int64_t since, const std::string& address) {
  return {since,
          RefusalReason::kAddressHeld,
          WaitingList::Standing::kWaits,
          {},
          {.addresses = {ip(address)}}};
}

Freed freed(const std::string& address, const std::string& pool = "a") {
  return {ip(address), {pool}, "default", false};
}

TEST(WaitingList, TheOldestForWhomItMayBeIsWoken) {
  WaitingList list;
  list.put(service("a-young"), forPool(20, "a"));
  list.put(service("z-old"), forPool(10, "a"));
  list.put(service("oldest"), forPool(1, "b"));
  EXPECT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("z-old"));
  EXPECT_THAT(list.keys(Consumer::Kind::kService),
              ElementsAre(service("oldest").key, service("z-old").key, service("a-young").key));
}

TEST(WaitingList, WhatOneDoesNotTakeIsForTheNextAndForNobodyTwice) {
  WaitingList list;
  list.put(service("one"), forPool(1, "a"));
  list.put(service("two"), forAddress(2, "10.0.0.1"));
  list.put(service("three"), forPool(3, "a"));
  ASSERT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("one"));
  auto woken = list.looks(service("one"));
  ASSERT_THAT(woken.freed, ElementsAre(testing::Field(&Freed::address, ip("10.0.0.1"))));
  EXPECT_THAT(list.looks(service("one")).freed, IsEmpty());
  ASSERT_EQ(list.passOn(woken.freed[0], woken, kRoom), service("two"));
  woken = list.looks(service("two"));
  list.remove(service("two"));  // it waits no more, and did not take it
  ASSERT_EQ(list.passOn(woken.freed[0], woken, kRoom), service("three"));
  woken = list.looks(service("three"));
  EXPECT_FALSE(list.passOn(woken.freed[0], woken, kRoom));
}

TEST(WaitingList, WhatBecomesFreeTogetherIsForAnotherOneEach) {
  WaitingList list;
  list.put(service("one"), forPool(1, "a"));
  list.put(service("two"), forPool(2, "a"));
  EXPECT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("one"));
  EXPECT_EQ(list.wake(freed("10.0.0.2"), kRoom), service("two"));
  EXPECT_EQ(list.wake(freed("10.0.0.3"), kRoom), service("one")) << "all were promised one";
}

TEST(WaitingList, WhatOneDoesNotTakeIsForTheNextWhoWasPromisedNone) {
  WaitingList list;
  for (const std::int64_t since : {1, 2, 3}) {
    list.put(service(std::to_string(since)), forPool(since, "a"));
  }
  ASSERT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("1"));
  ASSERT_EQ(list.wake(freed("10.0.0.2"), kRoom), service("2"));
  const auto woken = list.looks(service("1"));
  EXPECT_EQ(list.passOn(woken.freed[0], woken, kRoom), service("3"));
}

TEST(WaitingList, WhoWasPromisedOneIsPassedOverUntilItHasDecided) {
  WaitingList list;
  list.put(service("one"), forPool(1, "a"));
  list.put(service("two"), forPool(2, "a"));
  ASSERT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("one"));
  (void)list.looks(service("one"));
  EXPECT_EQ(list.wake(freed("10.0.0.2"), kRoom), service("two")) << "it looks just now";
  list.decided(service("one"));
  EXPECT_EQ(list.wake(freed("10.0.0.3"), kRoom), service("one"));
  list.put(service("one"), forPool(1, "a"));
  (void)list.looks(service("two"));
  list.put(service("two"), forPool(2, "a"));
  EXPECT_EQ(list.wake(freed("10.0.0.4"), kRoom), service("two"))
      << "the other one was promised an address while it looked";
}

TEST(WaitingList, WhoWaitsForBothFamiliesIsPromisedOneOfEach) {
  WaitingList list;
  WaitingList::Entry dual = forPool(1, "a");
  dual.obstacle.exhausted.push_back({"a", Family::kIpv6});
  list.put(service("dual"), dual);
  list.put(service("single"), forPool(2, "a"));
  EXPECT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("dual"));
  EXPECT_EQ(list.wake(freed("fd00::1"), kRoom), service("dual"));
  EXPECT_EQ(list.wake(freed("10.0.0.2"), kRoom), service("single"));
}

TEST(WaitingList, WhatOnlyTheOldestMayHaveIsNotLostToAYoungerOne) {
  WaitingList list;
  WaitingList::Entry either = forPool(1, "a");
  either.obstacle.exhausted.push_back({"b", Family::kIpv4});
  list.put(service("either"), either);
  list.put(service("only-b"), forPool(2, "b"));
  EXPECT_EQ(list.wake(freed("10.0.1.1", "b"), kRoom), service("either"));
  EXPECT_EQ(list.wake(freed("10.0.0.1", "a"), kRoom), service("either")) << "nobody else may";
  const auto woken = list.looks(service("either"));
  list.remove(service("either"));
  EXPECT_EQ(list.passOn(woken.freed[0], woken, kRoom), service("only-b"));
}

TEST(WaitingList, WhoAsksForANumberIsNotPassedOverForIt) {
  WaitingList list;
  WaitingList::Entry numbers = forAddress(1, "10.0.0.1");
  numbers.obstacle.addresses.push_back(ip("10.0.0.2"));
  list.put(service("numbers"), numbers);
  list.put(service("any"), forPool(2, "a"));
  EXPECT_EQ(list.wake(freed("10.0.0.1"), kRoom), service("numbers"));
  EXPECT_EQ(list.wake(freed("10.0.0.2"), kRoom), service("numbers"));
}

TEST(WaitingList, WhoseNamespaceHasNoRoomAnyMoreWaitsForRoom) {
  const WaitingList::HasRoom full = [](const Limit& limit, const Consumer&) {
    return limit.ns != "full";
  };
  WaitingList list;
  list.put(service("web", "full"), forPool(1, "a"));
  list.put(service("web", "roomy"), forPool(2, "a"));
  EXPECT_EQ(list.wake(freed("10.0.0.1"), full), service("web", "roomy"));
  const Limit limit{"full", {"a", Family::kIpv4}};
  EXPECT_EQ(list.wake(limit, kRoom), service("web", "full"));
  list.remove(service("web", "full"));
  EXPECT_FALSE(list.wake(limit, kRoom));
}

TEST(WaitingList, WhatRestsWakesItsOwnNamespaceOnly) {
  WaitingList list;
  list.put(service("thief", "evil"), forAddress(1, "10.0.0.1"));
  list.put(service("web", "shop"), forPool(2, "a"));
  Freed rests = freed("10.0.0.1");
  rests.ns = "shop";
  rests.resting = true;
  EXPECT_EQ(list.wake(rests, kRoom), service("web", "shop"));
  rests.resting = false;
  EXPECT_EQ(list.wake(rests, kRoom), service("thief", "evil"));
}

WaitingList::Entry underLimit(std::int64_t since) {
  return {since,
          RefusalReason::kNamespaceLimit,
          WaitingList::Standing::kWaits,
          {},
          {.limits = {{"a", Family::kIpv4}}}};
}

TEST(WaitingList, ALimitIsForTheNamespaceThatReachedIt) {
  WaitingList list;
  list.put(service("full", "shop"), underLimit(1));
  EXPECT_FALSE(list.wake(freed("10.0.0.1"), kRoom));
  EXPECT_THAT(list.limitsIn("default"), IsEmpty());
  EXPECT_THAT(list.limitsIn("shop"), ElementsAre(Limit{"shop", {"a", Family::kIpv4}}));
  list.remove(service("full", "shop"));
  EXPECT_THAT(list.limitsIn("shop"), IsEmpty());
}

TEST(WaitingList, UnderALimitTheOldestIsWokenWhoMayHaveSomethingAndThenTheNext) {
  const Limit limit{"default", {"a", Family::kIpv4}};
  WaitingList list;
  for (const char* const name : {"three", "two", "one"}) {
    list.put(service(name), underLimit(name[1] == 'n' ? 1 : name[1] == 'w' ? 2 : 3));
  }
  ASSERT_EQ(list.wake(limit, kRoom), service("one"));
  auto woken = list.looks(service("one"));
  ASSERT_THAT(woken.limits, ElementsAre(limit));
  ASSERT_EQ(list.passOn(limit, woken,
                        [](const Limit&, const Consumer& who) { return who.key.name != "two"; }),
            service("three"));
  woken = list.looks(service("three"));
  EXPECT_FALSE(list.passOn(limit, woken, kRoom));
}

TEST(WaitingList, KeysAndReservationsAreTopicsOfTheirOwn) {
  WaitingList list;
  WaitingList::Entry sharing = forPool(2, "a");
  sharing.shareKeys = {"k"};
  list.put(service("sharing"), sharing);
  list.put(service("naming"), {1,
                               RefusalReason::kReservationMissing,
                               WaitingList::Standing::kWaits,
                               {},
                               {.ipObjects = {{"default", "front"}}}});
  EXPECT_THAT(list.sharing({"default", "k"}), ElementsAre(service("sharing")));
  EXPECT_THAT(list.sharing({"default", "l"}), IsEmpty());
  EXPECT_THAT(list.naming({"default", "front"}), ElementsAre(service("naming")));
  EXPECT_FALSE(list.wake(freed("10.0.0.1", "b"), kRoom));
}

TEST(WaitingList, AKeyOfAnotherNamespaceWakesNobodyUnlessItsPoolSharesEverywhere) {
  WaitingList list;
  WaitingList::Entry sharing = forPool(2, "a");
  sharing.shareKeys = {"k"};
  list.put(service("web", "shop"), sharing);
  EXPECT_THAT(list.sharing({"evil", "k"}), IsEmpty());
  EXPECT_THAT(list.sharing({"shop", "k"}), ElementsAre(service("web", "shop")));
  EXPECT_THAT(list.sharing({"evil", "k", true}), ElementsAre(service("web", "shop")));
}

TEST(WaitingList, CountsWhoWaitsForSomethingByReason) {
  WaitingList list;
  list.put(service("a"), forPool(1, "a"));
  list.put(service("b"), forPool(1, "a"));
  using Standing = WaitingList::Standing;
  for (const Standing standing : {Standing::kIncomplete, Standing::kKeeps, Standing::kForeign}) {
    WaitingList::Entry entry = forPool(1, "a");
    entry.standing = standing;
    list.put(service("served " + std::to_string(static_cast<int>(standing))), entry);
  }
  list.put({Consumer::Kind::kReservation, {"default", "r"}}, forPool(1, "a"));
  EXPECT_EQ(list.waiting(Consumer::Kind::kService, RefusalReason::kPoolExhausted), 2U);
  EXPECT_EQ(list.waiting(Consumer::Kind::kService, RefusalReason::kAddressHeld), 0U);
  EXPECT_EQ(list.waiting(Consumer::Kind::kReservation, RefusalReason::kPoolExhausted), 1U);
  for (const Standing standing : {Standing::kIncomplete, Standing::kKeeps, Standing::kForeign}) {
    EXPECT_EQ(list.services(standing), 1U);
  }
}

}  // namespace
}  // namespace barevip::assigner
