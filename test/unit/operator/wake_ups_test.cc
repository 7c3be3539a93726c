// SPDX-License-Identifier: Apache-2.0
#include "operator/session/wake_ups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "fakes/manual_clock.h"
#include "unit/assigner/builders.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using assigner::Allocator;
using assigner::Consumer;
using assigner::Freed;
using assigner::WaitingList;
using assigner::test::ip;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kOnly = "10.0.0.7";

Consumer service(const std::string& ns, const std::string& name) {
  return {Consumer::Kind::kService, {ns, name}};
}

/// A Pool with one address, which a Service of the namespace shop has.
class WakeUpsTest : public testing::Test {
 protected:
  WakeUpsTest() {
    setDelay(0s);
    ask("shop", "first");
  }

  void setDelay(std::chrono::seconds delay) {
    model::Pool pool = assigner::test::pool("a", {kOnly});
    pool.reuseDelay = delay;
    allocator_.with([&](Allocator& allocator) { allocator.setPools(assigner::planPools({pool})); });
  }

  /// What the Service gets that asks for any address, or for the only one.
  std::string ask(const std::string& ns, const std::string& name, bool byNumber = false) {
    assigner::Request request =
        byNumber ? assigner::test::requestFor(name, kOnly) : assigner::test::request(name);
    request.service.ns = ns;
    request.requester.ns = ns;
    return assigner::test::shown(allocator_.with(
        [&](Allocator& allocator) { return assigner::test::assign(allocator, request); }));
  }

  void waits(const Consumer& who, std::int64_t since) {
    WaitingList::Entry entry{
        since, assigner::RefusalReason::kPoolExhausted, WaitingList::Standing::kWaits, {}, {}};
    entry.obstacle.exhausted = {{"a", Family::kIpv4}};
    waiting_.put(who, entry);
  }

  void release(const std::string& ns, const std::string& name) {
    allocator_.with([&](Allocator& allocator) { allocator.release({ns, name}, ip(kOnly)); });
  }

  /// The Service looks, and takes nothing. Returns who is next.
  std::vector<Consumer> declines(const Consumer& who) {
    wakeUps_.looks(who);
    return wakeUps_.looked(who).consumers;
  }

  ManualClock clock_;
  WaitingList waiting_;
  assigner::SharedAllocator allocator_{clock_, &waiting_};
  WakeUps wakeUps_{clock_, allocator_, waiting_};
};

TEST_F(WakeUpsTest, ANewcomerDoesNotOvertakeTheOldestWaiter) {
  waits(service("blog", "old"), 10);
  waits(service("blog", "young"), 20);
  release("shop", "first");  // and nobody was woken yet
  for (const bool byNumber : {false, true}) {
    for (const char* const ns : {"blog", "shop", "evil"}) {
      EXPECT_EQ(ask(ns, "newcomer", byNumber), "") << ns;
    }
  }
  EXPECT_THAT(wakeUps_.released("shop").consumers, ElementsAre(service("blog", "old")));
  EXPECT_EQ(ask("shop", "newcomer"), "") << "woken, and did not look yet";
  EXPECT_EQ(ask("blog", "old"), kOnly);
}

TEST_F(WakeUpsTest, NobodyOvertakesWhenAReuseDelayEnds) {
  setDelay(60s);
  waits(service("blog", "old"), 10);
  release("shop", "first");
  EXPECT_THAT(wakeUps_.released("shop").consumers, IsEmpty()) << "it rests for another namespace";
  clock_.advance(60s);
  EXPECT_EQ(ask("evil", "newcomer"), "");
  EXPECT_EQ(ask("shop", "again"), "");
  const WakeUps::Next next = wakeUps_.rested();
  EXPECT_THAT(next.consumers, ElementsAre(service("blog", "old")));
  EXPECT_TRUE(next.available);
  EXPECT_EQ(ask("blog", "old"), kOnly);
}

TEST_F(WakeUpsTest, WhatOneDoesNotTakeIsKeptForTheNextAndThenForNobody) {
  waits(service("blog", "old"), 10);
  waits(service("news", "young"), 20);
  release("shop", "first");
  EXPECT_THAT(declines(service("blog", "old")), ElementsAre(service("news", "young")));
  EXPECT_EQ(ask("blog", "old"), "") << "it had its turn";
  EXPECT_EQ(ask("evil", "newcomer"), "");
  EXPECT_THAT(declines(service("news", "young")), IsEmpty());
  EXPECT_EQ(ask("evil", "newcomer"), kOnly);
}

TEST_F(WakeUpsTest, WhoLooksWhileItIsPromisedToAYoungerOneLooksAgain) {
  waits(service("blog", "young"), 20);
  release("shop", "first");
  EXPECT_EQ(ask("news", "old"), "");
  waits(service("news", "old"), 10);
  EXPECT_THAT(declines(service("blog", "young")), ElementsAre(service("news", "old")));
  EXPECT_EQ(ask("news", "old"), kOnly);
}

TEST_F(WakeUpsTest, WhoLookedBeforeDoesNotLookAgainForWhatNobodyTakes) {
  waits(service("news", "old"), 10);
  waits(service("blog", "young"), 20);
  release("shop", "first");
  EXPECT_THAT(declines(service("news", "old")), ElementsAre(service("blog", "young")));
  EXPECT_THAT(declines(service("blog", "young")), IsEmpty());
}

TEST_F(WakeUpsTest, WhatComesWhileAWaiterIsBusyStaysItsOwn) {
  waits(service("blog", "old"), 10);
  wakeUps_.looks(service("blog", "old"));
  release("shop", "first");  // too late for this look
  EXPECT_THAT(wakeUps_.looked(service("blog", "old")).consumers, IsEmpty());
  EXPECT_EQ(ask("evil", "newcomer"), "");
  EXPECT_EQ(ask("blog", "old"), kOnly);
}

TEST_F(WakeUpsTest, ARestThatEndsDuringALookIsForTheOldestOfAll) {
  setDelay(60s);
  waits(service("blog", "old"), 10);
  waits(service("shop", "young"), 20);
  release("shop", "first");
  EXPECT_THAT(wakeUps_.released("shop").consumers, ElementsAre(service("shop", "young")));
  EXPECT_EQ(ask("shop", "newcomer"), "") << "not even in the same namespace";
  clock_.advance(60s);
  EXPECT_THAT(declines(service("shop", "young")), ElementsAre(service("blog", "old")));
  EXPECT_EQ(ask("shop", "newcomer"), "");
  EXPECT_EQ(ask("blog", "old"), kOnly);
}

TEST_F(WakeUpsTest, AddressesThatBecomeFreeTogetherTakeOneLookEach) {
  constexpr int kMany = 16;
  const model::Pool pool = assigner::test::pool("a", {"10.0.0.0/28"});
  allocator_.with([&](Allocator& allocator) { allocator.setPools(assigner::planPools({pool})); });
  for (int i = 1; i < kMany; ++i) ask("shop", std::to_string(i));
  for (int i = 0; i < kMany; ++i) waits(service("blog", std::to_string(i)), 10 + i);
  allocator_.with([&](Allocator& allocator) {
    for (int i = 1; i < kMany; ++i) allocator.releaseAll({"shop", std::to_string(i)});
    allocator.releaseAll({"shop", "first"});
  });
  const std::vector<Consumer> woken = wakeUps_.released("shop").consumers;
  for (int i = 0; i < kMany; ++i) {
    ASSERT_EQ(woken.at(i), service("blog", std::to_string(i)));
    wakeUps_.looks(woken[i]);
    EXPECT_NE(ask("blog", std::to_string(i)), "");
    waiting_.remove(woken[i]);
    EXPECT_THAT(wakeUps_.looked(woken[i]).consumers, IsEmpty());
  }
  EXPECT_EQ(woken.size(), kMany);
}

/// Of a Pool with room enough, of which one namespace may have two addresses; shop has both.
class LimitTest : public WakeUpsTest {
 protected:
  LimitTest() {
    model::Pool pool = assigner::test::pool("a", {"10.0.0.0/24"});
    pool.maxPerNamespace = 2;
    allocator_.with([&](Allocator& allocator) { allocator.setPools(assigner::planPools({pool})); });
    ask("shop", "second");
    waitsForRoom("old", 10);
    waitsForRoom("young", 20);
  }

  void waitsForRoom(const std::string& name, std::int64_t since) {
    WaitingList::Entry entry;
    entry.since = since;
    entry.reason = assigner::RefusalReason::kNamespaceLimit;
    entry.obstacle.limits = {{"a", Family::kIpv4}};
    waiting_.put(service("shop", name), entry);
  }
  std::string takes(const std::string& name) {
    waiting_.remove(service("shop", name));
    return ask("shop", name);
  }
};

TEST_F(LimitTest, RoomForOneWakesTheOldestAlone) {
  release("shop", "first");
  EXPECT_THAT(wakeUps_.released("shop").consumers, ElementsAre(service("shop", "old")));
  wakeUps_.looks(service("shop", "old"));
  EXPECT_EQ(takes("old"), "10.0.0.1");
  EXPECT_THAT(wakeUps_.looked(service("shop", "old")).consumers, IsEmpty())
      << "there is no room for the next one";
}

TEST_F(LimitTest, RoomThatOneDoesNotTakeIsForTheNext) {
  release("shop", "first");
  ASSERT_THAT(wakeUps_.released("shop").consumers, ElementsAre(service("shop", "old")));
  wakeUps_.looks(service("shop", "old"));
  waiting_.remove(service("shop", "old"));  // it is gone
  EXPECT_THAT(wakeUps_.looked(service("shop", "old")).consumers,
              ElementsAre(service("shop", "young")));
  EXPECT_THAT(declines(service("shop", "young")), IsEmpty());
}

// Of a namespace with room for one two wait, and two addresses become free.
TEST_F(LimitTest, WhoLooksFirstDoesNotTakeTheRoomOfOneWhoWasPromisedAnAddressBefore) {
  model::Pool pool = assigner::test::pool("a", {"10.0.0.0/31"});
  allocator_.with([&](Allocator& allocator) {
    allocator.releaseAll({"shop", "second"});
    allocator.releaseAll({"shop", "first"});
  });
  waiting_.remove(service("shop", "old"));
  waiting_.remove(service("shop", "young"));
  pool.maxPerNamespace = 1;
  allocator_.with([&](Allocator& allocator) { allocator.setPools(assigner::planPools({pool})); });
  ask("other", "x");
  ask("another", "y");
  waits(service("shop", "old"), 10);
  waits(service("shop", "young"), 20);
  waits(service("blog", "youngest"), 30);
  allocator_.with([&](Allocator& allocator) {
    allocator.releaseAll({"other", "x"});
    allocator.releaseAll({"another", "y"});
  });
  EXPECT_THAT(wakeUps_.rested().consumers,
              ElementsAre(service("shop", "old"), service("blog", "youngest")));
  EXPECT_EQ(ask("shop", "young"), "") << "the room is promised";
  EXPECT_EQ(ask("blog", "youngest"), "10.0.0.1");
  wakeUps_.looks(service("shop", "old"));
  waiting_.remove(service("shop", "old"));  // it is gone
  EXPECT_THAT(wakeUps_.looked(service("shop", "old")).consumers,
              testing::Contains(service("shop", "young")));
  EXPECT_EQ(ask("shop", "young"), "10.0.0.0");
}

TEST_F(LimitTest, WithoutRoomNobodyIsWoken) {
  EXPECT_THAT(wakeUps_.released("shop").consumers, IsEmpty());
  release("shop", "first");
  EXPECT_THAT(wakeUps_.released("blog").consumers, IsEmpty()) << "another namespace";
}

// It had one address and asked for another when its namespace had three.
TEST_F(LimitTest, WhatAWaiterHasItselfIsRoomForIt) {
  ask("shop", "first");
  assigner::Request third = assigner::test::request("third");
  third.service.ns = third.requester.ns = "shop";
  allocator_.with([&](Allocator& allocator) {
    allocator.restore({third.service, third.terms, "a"}, ip("10.0.0.9"),
                      Allocator::Evidence::kRecorded);
  });
  waitsForRoom("third", 30);
  release("shop", "first");
  EXPECT_THAT(wakeUps_.released("shop").consumers, ElementsAre(service("shop", "third")));
}

TEST_F(WakeUpsTest, WhatOthersShowIsTheirsWhenNobodyTakesIt) {
  waits(service("blog", "old"), 10);
  release("shop", "first");
  allocator_.with([](Allocator& allocator) { allocator.setForeign({"news", "x"}, {ip(kOnly)}); });
  EXPECT_THAT(declines(service("blog", "old")), IsEmpty());
  EXPECT_EQ(ask("evil", "newcomer"), "") << "it is shown";
}

}  // namespace
}  // namespace barevip::controlplane
