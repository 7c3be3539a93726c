// SPDX-License-Identifier: Apache-2.0
// What keeps the tenants of one Pool out of each other's way. Pure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using namespace std::chrono_literals;
using test::allocatorWith;
using test::assign;
using test::ip;
using test::message;
using test::pool;
using test::reason;
using test::request;
using test::requestFor;
using test::shown;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Request in(const std::string& ns, Request request) {
  request.service.ns = ns;
  request.requester.ns = ns;
  return request;
}

Reservation reservation(const std::string& ns, const std::string& name) {
  Reservation result;
  result.ipObject = {ns, name};
  result.requester = {ns, model::StringMap{}, std::nullopt};
  return result;
}

model::Pool limited(const std::function<void(model::Pool&)>& how) {
  model::Pool result = pool("a", {"10.0.0.0-10.0.0.3"});
  how(result);
  return result;
}

class ReuseTest : public testing::Test {
 protected:
  ReuseTest() : allocator_(allocatorWith({limited([](auto& p) { p.reuseDelay = 60s; })})) {
    allocator_.tick(MonotonicTime(1s));
    assign(allocator_, in("shop", request("web")));
    allocator_.release({"shop", "web"}, ip("10.0.0.0"));
  }

  /// The Service shop/web, which asks for one address after the other.
  void moveTo(const std::string& address) {
    const Choice moved = assign(allocator_, in("shop", requestFor("web", address)));
    ASSERT_FALSE(moved.refusal) << address;
    for (const IpAddress& before : moved.surplus) allocator_.release({"shop", "web"}, before);
  }

  Allocator allocator_;
};

TEST_F(ReuseTest, AFreedAddressIsKeptForItsNamespace) {
  EXPECT_EQ(reason(assign(allocator_, in("evil", requestFor("thief", "10.0.0.0")))), "AddressHeld");
  Reservation taking = reservation("evil", "thief");
  taking.address = ip("10.0.0.0");
  EXPECT_FALSE(allocator_.reserve(taking));
  EXPECT_EQ(shown(assign(allocator_, in("blog", request("web")))), "10.0.0.1") << "the next one";
  EXPECT_EQ(shown(assign(allocator_, in("shop", request("again")))), "10.0.0.0");
}

TEST_F(ReuseTest, ItsNamespaceMayAskForItAtOnce) {
  EXPECT_EQ(shown(assign(allocator_, in("shop", requestFor("again", "10.0.0.0")))), "10.0.0.0");
}

TEST_F(ReuseTest, AfterTheDelayItIsForAnybody) {
  EXPECT_EQ(allocator_.nextRested(), MonotonicTime(61s));
  allocator_.tick(MonotonicTime(60s));
  EXPECT_EQ(reason(assign(allocator_, in("evil", requestFor("late", "10.0.0.0")))), "AddressHeld");
  (void)allocator_.takeFreed();
  allocator_.tick(MonotonicTime(61s));
  const auto freed = allocator_.takeFreed();
  ASSERT_EQ(freed.size(), 1U);
  EXPECT_EQ(freed[0], (Freed{ip("10.0.0.0"), {"a"}, "", false}));
  EXPECT_EQ(shown(assign(allocator_, in("evil", requestFor("late", "10.0.0.0")))), "10.0.0.0");
}

TEST_F(ReuseTest, WhoseAddressWasTakenAgainRestsAnew) {
  allocator_.tick(MonotonicTime(50s));
  assign(allocator_, in("shop", request("again")));
  allocator_.release({"shop", "again"}, ip("10.0.0.0"));
  allocator_.tick(MonotonicTime(61s));
  EXPECT_EQ(reason(assign(allocator_, in("evil", requestFor("late", "10.0.0.0")))), "AddressHeld");
  EXPECT_EQ(allocator_.nextRested(), MonotonicTime(110s));
}

TEST_F(ReuseTest, ItRestsNoLongerThanItsPoolWants) {
  allocator_.setPools(planPools({limited([](auto& p) { p.reuseDelay = 60s; })}));
  EXPECT_EQ(reason(assign(allocator_, in("evil", requestFor("thief", "10.0.0.0")))), "AddressHeld");
  (void)allocator_.takeFreed();
  allocator_.setPools(planPools({pool("b", {"10.0.0.0/24"})}));
  EXPECT_EQ(allocator_.takeFreed().size(), 1U);
  EXPECT_EQ(shown(assign(allocator_, in("evil", requestFor("late", "10.0.0.0")))), "10.0.0.0");
  EXPECT_FALSE(allocator_.nextRested());
}

TEST_F(ReuseTest, NoMoreRestForANamespaceThanItHadAtOnce) {
  for (const char* address : {"10.0.0.1", "10.0.0.2"}) moveTo(address);
  (void)allocator_.takeFreed();
  moveTo("10.0.0.3");
  std::vector<std::string> forOthers;
  for (const Freed& freed : allocator_.takeFreed()) {
    if (!freed.resting) forOthers.push_back(freed.address.toString());
  }
  EXPECT_THAT(forOthers, testing::ElementsAre("10.0.0.0")) << "who waits must be woken now";
  EXPECT_EQ(shown(assign(allocator_, in("blog", request("web")))), "10.0.0.0") << "not drained";
}

TEST_F(ReuseTest, NoMoreRestForANamespaceThanItMayHave) {
  allocator_ = allocatorWith({limited([](auto& p) {
    p.reuseDelay = 60s;
    p.maxPerNamespace = 1;
  })});
  for (const char* address : {"10.0.0.0", "10.0.0.1", "10.0.0.2"}) moveTo(address);
  EXPECT_EQ(shown(assign(allocator_, in("blog", request("web")))), "10.0.0.0");
}

TEST_F(ReuseTest, ANamespaceThatReplacesAllItsServicesFindsAllItsAddresses) {
  for (const char* name : {"one", "two", "three"}) assign(allocator_, in("shop", request(name)));
  for (const char* name : {"one", "two", "three"}) allocator_.releaseAll({"shop", name});
  EXPECT_EQ(shown(assign(allocator_, in("blog", request("web")))), "10.0.0.3");
  EXPECT_EQ(reason(assign(allocator_, in("blog", request("other")))), "PoolExhausted");
}

TEST_F(ReuseTest, WhatOthersShowIsTheirsWhenTheRestEnds) {
  allocator_.setForeign({"blog", "old"}, {ip("10.0.0.0")});
  allocator_.tick(MonotonicTime(61s));
  EXPECT_EQ(allocator_.allocations().find(ip("10.0.0.0"))->kind, Consumer::Kind::kForeign);
  EXPECT_TRUE(allocator_.takeFreed().empty());
}

TEST_F(ReuseTest, AReservationRestsForItsNamespaceToo) {
  ASSERT_TRUE(allocator_.reserve(reservation("blog", "front")));  // 10.0.0.1
  allocator_.unreserve({"blog", "front"});
  EXPECT_EQ(shown(assign(allocator_, in("shop", request("one")))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator_, in("shop", request("two")))), "10.0.0.2");
  EXPECT_EQ(shown(assign(allocator_, in("blog", request("web")))), "10.0.0.1");
}

TEST(NamespaceLimit, IsForServicesAndReservationsTogether) {
  Allocator allocator = allocatorWith({limited([](auto& p) { p.maxPerNamespace = 2; })});
  assign(allocator, in("shop", request("one")));
  ASSERT_TRUE(allocator.reserve(reservation("shop", "front")));
  const Choice third = assign(allocator, in("shop", request("three")));
  EXPECT_EQ(reason(third), "NamespaceLimit");
  EXPECT_THAT(message(third), HasSubstr("maxPerNamespace is 2"));
  EXPECT_EQ(reason(assign(allocator, in("shop", requestFor("four", "10.0.0.3")))),
            "NamespaceLimit");
  EXPECT_FALSE(allocator.reserve(reservation("shop", "second")));
  EXPECT_EQ(shown(assign(allocator, in("blog", request("one")))), "10.0.0.2") << "others have room";
  EXPECT_EQ(shown(assign(allocator, in("shop", request("one")))), "10.0.0.0") << "and nobody loses";
}

TEST(NamespaceLimit, ASharedAddressCountsOnce) {
  Allocator allocator = allocatorWith({limited([](auto& p) { p.maxPerNamespace = 1; })});
  for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{443}}) {
    Request sharing = in("shop", request("s" + std::to_string(port)));
    sharing.terms.key = "k";
    sharing.terms.ports = {{model::Protocol::kTcp, port}};
    EXPECT_EQ(shown(assign(allocator, sharing)), "10.0.0.0");
  }
}

TEST(NamespaceLimit, LetsAServiceMoveWithinIt) {
  Allocator allocator = allocatorWith({limited([](auto& p) { p.maxPerNamespace = 1; })});
  assign(allocator, in("shop", request("web")));
  EXPECT_EQ(shown(assign(allocator, in("shop", requestFor("web", "10.0.0.2")))), "10.0.0.2");
}

TEST(NamespaceLimit, AnotherPoolGivesWhatTheFirstOneMayNot) {
  Allocator allocator =
      allocatorWith({limited([](auto& p) { p.maxPerNamespace = 1; }), pool("b", {"10.1.0.0/24"})});
  EXPECT_EQ(shown(assign(allocator, in("shop", request("one")))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator, in("shop", request("two")))), "10.1.0.0");
}

TEST(ServiceSelectorAlone, AdmitsNoReservationUnlessThePoolSaysSo) {
  const auto gold = [](model::Pool& p) {
    p.serviceSelector = model::LabelSelector{{{"tier", "gold"}}, {}};
  };
  Allocator kept = allocatorWith({limited(gold)});
  const auto refused = kept.reserve(reservation("evil", "all"));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("allowReservations"));
  Allocator open = allocatorWith({limited([&](auto& p) {
    gold(p);
    p.allowReservations = true;
  })});
  EXPECT_TRUE(open.reserve(reservation("shop", "front")));
  Allocator bound = allocatorWith({limited([&](auto& p) {
    gold(p);
    p.namespaces = {"shop"};
  })});
  EXPECT_TRUE(bound.reserve(reservation("shop", "front")));
}

TEST(Names, OfConsumersAreToldWithinTheirNamespaceOnly) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, in("shop", requestFor("secret", "10.0.0.7")));
  EXPECT_THAT(message(assign(allocator, in("shop", requestFor("own", "10.0.0.7")))),
              HasSubstr("Service shop/secret"));
  EXPECT_THAT(message(assign(allocator, in("evil", requestFor("thief", "10.0.0.7")))),
              AllOf(HasSubstr("another namespace"), Not(HasSubstr("secret"))));
  Reservation reserved = reservation("shop", "hidden");
  reserved.address = ip("10.0.0.8");
  ASSERT_TRUE(allocator.reserve(reserved));
  EXPECT_THAT(message(assign(allocator, in("evil", requestFor("thief", "10.0.0.8")))),
              AllOf(HasSubstr("another namespace"), Not(HasSubstr("hidden"))));
}

TEST(FirstLast, OfAPrefixIsLeftOutUnlessThePoolSaysOtherwise) {
  model::Pool net = pool("a", {"10.0.0.0/29", "2001:db8::/64", "10.1.0.0-10.1.0.1", "10.2.0.0/31"});
  net.allowFirstLast = false;
  Allocator allocator = allocatorWith({net});
  EXPECT_EQ(shown(assign(allocator, request("four"))), "10.0.0.1");
  EXPECT_EQ(shown(assign(allocator, request("six", {Family::kIpv6}))), "2001:db8::1");
  for (const char* address : {"10.0.0.0", "10.0.0.7", "2001:db8::"}) {
    const Choice asked = assign(allocator, requestFor("asks", address));
    EXPECT_EQ(reason(asked), "AddressNotInPool") << address;
    EXPECT_THAT(message(asked), HasSubstr("allowFirstLast")) << address;
  }
  for (const char* address : {"10.1.0.0", "10.1.0.1", "10.2.0.0", "10.2.0.1"}) {
    EXPECT_EQ(shown(assign(allocator, requestFor(address, address))), address);
  }
  net.allowFirstLast = true;
  Allocator whole = allocatorWith({net});
  EXPECT_EQ(shown(assign(whole, request("four"))), "10.0.0.0");
}

TEST(FirstLast, WhoHasOneKeepsIt) {
  model::Pool net = pool("a", {"10.0.0.0/29"});
  Allocator allocator = allocatorWith({net});
  ASSERT_EQ(shown(assign(allocator, request("web"))), "10.0.0.0");
  net.allowFirstLast = false;
  allocator.setPools(planPools({net}));
  EXPECT_EQ(shown(assign(allocator, request("web"))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator, request("next"))), "10.0.0.1");
}

}  // namespace
}  // namespace barevip::assigner
