// SPDX-License-Identifier: Apache-2.0
// Several Services with one address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assigner/allocation/allocator.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using model::AllowSharing;
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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A Service in namespace "default" with a share key and one TCP port.
Request sharing(const std::string& name, std::uint16_t port, const std::string& key = "k") {
  Request result = request(name);
  result.terms = {key, {{model::Protocol::kTcp, port}}, std::nullopt};
  return result;
}

Request sharingFor(const std::string& name, std::uint16_t port, const std::string& address,
                   const std::string& key = "k") {
  Request result = sharing(name, port, key);
  result.addresses = {ip(address)};
  return result;
}

Request from(const std::string& ns, Request result) {
  result.service.ns = result.requester.ns = ns;
  return result;
}

model::Pool poolAllowing(AllowSharing allow) {
  model::Pool result = pool("a", {"10.0.0.0/24"});
  result.allowSharing = allow;
  return result;
}

// Who shares.

TEST(Share, OneKeyAndOtherPortsGiveOneAddress) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  EXPECT_EQ(shown(assign(allocator, sharing("web", 80))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator, sharing("tls", 443))), "10.0.0.0");
  EXPECT_EQ(allocator.usage("a").ipv4.allocated, 1U);
}

TEST(Share, WithoutTheKeyAnAddressIsOnesOwn) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharing("web", 80));
  EXPECT_EQ(shown(assign(allocator, sharing("tls", 443, "l"))), "10.0.0.1");
  EXPECT_EQ(shown(assign(allocator, sharing("dns", 53, ""))), "10.0.0.2");
  EXPECT_EQ(shown(assign(allocator, sharing("ntp", 123, ""))), "10.0.0.3");
}

TEST(Share, APortThatIsTakenLeadsToTheNextSharedAddressAndThenToAFreeOne) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharing("one", 80));
  EXPECT_EQ(shown(assign(allocator, sharing("two", 80))), "10.0.0.1");
  Request both = sharing("three", 80);
  both.terms.ports.push_back({model::Protocol::kTcp, 443});
  EXPECT_EQ(shown(assign(allocator, both)), "10.0.0.2");
  EXPECT_EQ(shown(assign(allocator, sharing("four", 443))), "10.0.0.0") << "the lowest with room";
  EXPECT_EQ(shown(assign(allocator, sharing("five", 443))), "10.0.0.1");
}

TEST(Share, SharedAddressesAreSoughtInTheOrderOfThePools) {
  Allocator allocator = allocatorWith({pool("a", {"10.9.0.0/24"}), pool("b", {"10.0.0.0/24"})});
  assign(allocator, sharingFor("low", 80, "10.0.0.7"));
  EXPECT_EQ(shown(assign(allocator, sharing("next", 443))), "10.0.0.7")
      << "shared addresses of any Pool go before free ones";
  assign(allocator, sharingFor("high", 80, "10.9.0.7"));
  EXPECT_EQ(shown(assign(allocator, sharing("last", 443))), "10.9.0.7");
}

TEST(Share, APoolThatDoesNotAdmitTheServiceSharesNothingWithIt) {
  model::Pool fenced = poolAllowing(AllowSharing::kCluster);
  fenced.namespaces = {"shop"};
  Allocator allocator = allocatorWith({fenced, pool("b", {"10.1.0.0/24"})});
  EXPECT_EQ(shown(assign(allocator, from("shop", sharing("web", 80)))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator, sharing("thief", 443))), "10.1.0.0");
  EXPECT_EQ(reason(assign(allocator, sharingFor("bold", 443, "10.0.0.0"))), "NoPoolAdmits");
}

TEST(Share, AllowSharingOfThePoolDecidesAcrossNamespaces) {
  struct Case {
    AllowSharing allow;
    const char* sameNamespace;
    const char* otherNamespace;
  };
  const Case cases[] = {
      {AllowSharing::kNamespace, "10.0.0.0", "10.0.0.1"},
      {AllowSharing::kCluster, "10.0.0.0", "10.0.0.0"},
      {AllowSharing::kNever, "10.0.0.1", "10.0.0.2"},
  };
  for (const Case& each : cases) {
    Allocator allocator = allocatorWith({poolAllowing(each.allow)});
    assign(allocator, sharing("web", 80));
    EXPECT_EQ(shown(assign(allocator, sharing("tls", 443))), each.sameNamespace);
    EXPECT_EQ(shown(assign(allocator, from("shop", sharing("dns", 53)))), each.otherNamespace);
  }
}

TEST(Share, TwoServicesWithPolicyLocalNeedTheSamePods) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  const auto local = [](Request request, model::StringMap pods) {
    request.terms.localPods = std::move(pods);
    return request;
  };
  assign(allocator, local(sharing("web", 80), {{"app", "web"}}));
  EXPECT_EQ(shown(assign(allocator, local(sharing("tls", 443), {{"app", "web"}}))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator, local(sharing("dns", 53), {{"app", "dns"}}))), "10.0.0.1");
  EXPECT_EQ(shown(assign(allocator, sharing("ntp", 123))), "10.0.0.0");
}

TEST(Share, BothFamiliesAreSharedWithTheSameServices) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
  const auto dual = [](const std::string& name, std::uint16_t port) {
    Request result = sharing(name, port);
    result.families = {Family::kIpv4, Family::kIpv6};
    return result;
  };
  assign(allocator, dual("web", 80));
  EXPECT_EQ(shown(assign(allocator, dual("tls", 443))), "10.0.0.0,2001:db8::");
  EXPECT_EQ(shown(assign(allocator, dual("clash", 80))), "10.0.0.1,2001:db8::1");
}

// Refusals are sentences.

TEST(ShareRefusal, NamesTheServiceAndThePort) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0"})});
  assign(allocator, sharing("web", 80));
  const Choice asked = assign(allocator, sharingFor("second", 80, "10.0.0.0"));
  EXPECT_EQ(reason(asked), "ShareRefused");
  EXPECT_EQ(message(asked),
            "10.0.0.0 cannot be shared with Service default/web: it has the port 80/TCP");
  const Choice automatic = assign(allocator, sharing("third", 80));
  EXPECT_EQ(reason(automatic), "PoolExhausted");
  EXPECT_THAT(message(automatic), HasSubstr("Service default/web: it has the port 80/TCP"));
}

TEST(ShareRefusal, WithAnotherKeySaysWhoHoldsTheAddressAndNoKey) {
  Allocator allocator = allocatorWith({poolAllowing(AllowSharing::kCluster)});
  assign(allocator, from("shop", sharing("web", 80, "secret")));
  for (const char* key : {"guess", ""}) {
    const Choice choice = assign(allocator, sharingFor("thief", 443, "10.0.0.0", key));
    EXPECT_EQ(reason(choice), "AddressHeld");
    EXPECT_THAT(message(choice),
                AllOf(HasSubstr("a Service of another namespace"), Not(HasSubstr("secret"))));
  }
}

TEST(ShareRefusal, NamesThePoolThatForbidsIt) {
  for (const AllowSharing allow : {AllowSharing::kNever, AllowSharing::kNamespace}) {
    Allocator allocator = allocatorWith({poolAllowing(allow)});
    assign(allocator, sharing("web", 80));
    const Choice choice = assign(allocator, from("shop", sharingFor("tls", 443, "10.0.0.0")));
    EXPECT_EQ(reason(choice), "ShareRefused");
    EXPECT_EQ(message(choice),
              "10.0.0.0 cannot be shared with a Service of another namespace: spec.allowSharing of "
              "Pool \"a\" is " +
                  std::string(model::toString(allow)));
  }
}

// Changes afterwards.

TEST(ShareChange, PortsThatStillFitAreGranted) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharing("web", 80));
  assign(allocator, sharing("tls", 443));
  const Choice changed = assign(allocator, sharing("web", 8080));
  EXPECT_EQ(shown(changed), "10.0.0.0");
  EXPECT_TRUE(changed.addresses[0].termsChanged);
  EXPECT_EQ(shown(assign(allocator, sharing("new", 80))), "10.0.0.0") << "80 is free again";
  EXPECT_FALSE(assign(allocator, sharing("web", 8080)).addresses[0].termsChanged);
}

TEST(ShareChange, PortsThatClashLeaveTheOldTermsUntilTheClashGoes) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharing("web", 80));
  assign(allocator, sharing("tls", 443));
  const Choice clashing = assign(allocator, sharing("web", 443));
  EXPECT_EQ(reason(clashing), "ShareRefused");
  EXPECT_THAT(message(clashing), HasSubstr("Service default/tls: it has the port 443/TCP"));
  EXPECT_EQ(shown(clashing), "10.0.0.0");
  EXPECT_FALSE(assign(allocator, sharing("tls", 443)).refusal) << "the other one is not disturbed";
  EXPECT_EQ(shown(assign(allocator, sharing("new", 80))), "10.0.0.1") << "80 is still granted";
  allocator.releaseAll({"default", "tls"});
  EXPECT_FALSE(assign(allocator, sharing("web", 443)).refusal);
}

TEST(ShareChange, ASoleUserChangesEverythingInPlace) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, request("web"));
  EXPECT_EQ(shown(assign(allocator, sharing("web", 80))), "10.0.0.0");
  EXPECT_EQ(shown(assign(allocator, sharing("tls", 443))), "10.0.0.0") << "joins under the new key";
}

TEST(ShareChange, AnotherKeyMovesMakeBeforeBreak) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  for (const char* key : {"l", ""}) {
    assign(allocator, sharing("web", 80));
    assign(allocator, sharing("tls", 443));
    const Choice moved = assign(allocator, sharing("tls", 443, key));
    EXPECT_EQ(shown(moved), "10.0.0.1");
    EXPECT_THAT(moved.surplus, ElementsAre(ip("10.0.0.0")));
    EXPECT_TRUE(allocator.release({"default", "tls"}, ip("10.0.0.0")));
    allocator.releaseAll({"default", "tls"});
  }
}

TEST(ShareChange, AnotherKeyWithoutAnotherAddressKeepsTheOldOne) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0"})});
  assign(allocator, sharing("web", 80));
  assign(allocator, sharing("tls", 443));
  const Choice stuck = assign(allocator, sharing("tls", 443, "l"));
  EXPECT_EQ(reason(stuck), "PoolExhausted");
  EXPECT_EQ(shown(stuck), "10.0.0.0");
  EXPECT_EQ(stuck.addresses[0].shareKey, "k") << "on the old terms";
  const Choice asked = assign(allocator, sharingFor("tls", 443, "10.0.0.0", "l"));
  EXPECT_EQ(
      message(asked),
      "10.0.0.0 is allocated to Service default/web under the share key that this Service had");
  allocator.releaseAll({"default", "web"});
  EXPECT_EQ(assign(allocator, sharing("tls", 443, "l")).addresses[0].shareKey, "l");
}

TEST(ShareChange, ThePoolThatForbidsSharingLaterRenumbersNobody) {
  Allocator allocator = allocatorWith({poolAllowing(AllowSharing::kCluster)});
  assign(allocator, sharing("web", 80));
  assign(allocator, from("shop", sharing("tls", 443)));
  allocator.setPools(planPools({poolAllowing(AllowSharing::kNever)}));
  EXPECT_EQ(shown(assign(allocator, sharing("web", 8080))), "10.0.0.0");
  EXPECT_FALSE(assign(allocator, from("shop", sharing("tls", 8443))).refusal);
  EXPECT_EQ(shown(assign(allocator, sharing("new", 53))), "10.0.0.1");
}

TEST(ShareChange, TheLastOneFreesTheAddress) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharing("web", 80));
  assign(allocator, sharing("tls", 443));
  allocator.releaseAll({"default", "web"});
  EXPECT_EQ(shown(assign(allocator, request("other"))), "10.0.0.1");
  allocator.releaseAll({"default", "tls"});
  EXPECT_EQ(shown(assign(allocator, request("another"))), "10.0.0.0");
}

TEST(ShareChange, AnAddressOutsideOfItsPoolIsNotJoinedAndCountsOnce) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharingFor("web", 80, "10.0.0.200"));
  assign(allocator, sharing("tls", 443));
  allocator.setPools(planPools({pool("a", {"10.0.0.0/25"})}));
  EXPECT_EQ(shown(assign(allocator, sharing("dns", 53))), "10.0.0.0");
  const PoolUsage usage = allocator.usage("a");
  EXPECT_EQ(usage.ipv4, (PoolUsage::Counts{128, 2, 127}));
  EXPECT_EQ(usage.outside.size(), 2U) << "both holders are named";
}

// Reservations.

Reservation reservation(const std::string& key) {
  Reservation result;
  result.ipObject = {"default", "door"};
  result.requester = {"default", model::StringMap{}, std::nullopt};
  result.address = ip("10.0.0.7");
  result.shareKey = key;
  return result;
}

Request byName(Request request) {
  request.ipObjects = {"door"};
  return request;
}

TEST(ShareReservation, LetsServicesWithItsKeyUseItTogether) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("k")));
  EXPECT_EQ(shown(assign(allocator, byName(sharing("web", 80)))), "10.0.0.7");
  EXPECT_EQ(shown(assign(allocator, byName(sharing("tls", 443)))), "10.0.0.7");
  const Choice clashing = assign(allocator, byName(sharing("clash", 443)));
  EXPECT_EQ(reason(clashing), "ShareRefused");
  EXPECT_THAT(message(clashing), HasSubstr("Service default/tls: it has the port 443/TCP"));
  EXPECT_EQ(reason(assign(allocator, byName(sharing("other", 53, "l")))), "AddressHeld");
  EXPECT_EQ(shown(assign(allocator, sharing("unasked", 53))), "10.0.0.0")
      << "it is given to nobody who does not name it";
}

TEST(ShareReservation, WithoutItsKeyHasOneUser) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("")));
  EXPECT_EQ(shown(assign(allocator, byName(sharing("web", 80)))), "10.0.0.7");
  const Choice second = assign(allocator, byName(sharing("tls", 443)));
  EXPECT_EQ(reason(second), "AddressHeld");
  EXPECT_THAT(message(second), HasSubstr("is used by Service default/web, and not for sharing"));
  ASSERT_TRUE(allocator.reserve(reservation("k")));
  EXPECT_FALSE(assign(allocator, byName(sharing("tls", 443))).refusal) << "the key was added";
}

TEST(ShareReservation, DeletedLeavesTheAddressToAllItsUsers) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  ASSERT_TRUE(allocator.reserve(reservation("k")));
  assign(allocator, byName(sharing("web", 80)));
  assign(allocator, byName(sharing("tls", 443)));
  EXPECT_FALSE(allocator.unreserve({"default", "door"}));
  EXPECT_EQ(shown(assign(allocator, sharing("web", 80))), "10.0.0.7");
  EXPECT_EQ(shown(assign(allocator, sharing("tls", 443))), "10.0.0.7");
  EXPECT_EQ(shown(assign(allocator, sharing("dns", 53))), "10.0.0.7") << "shared as any other";
}

TEST(ShareReservation, OfASharedAddressIsRefused) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  assign(allocator, sharingFor("web", 80, "10.0.0.7"));
  assign(allocator, sharing("tls", 443));
  const auto refused = allocator.reserve(reservation("k"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "10.0.0.7 is allocated to Service default/tls and 1 more");
}

// Taking up.

TEST(ShareRestore, WhatWasGrantedTogetherStaysTogether) {
  Allocator allocator = allocatorWith({poolAllowing(AllowSharing::kNever)});
  const auto restore = [&](const Request& request, Allocator::Evidence evidence) {
    return allocator.restore({request.service, request.terms, "a"}, ip("10.0.0.0"), evidence);
  };
  using Evidence = Allocator::Evidence;
  EXPECT_TRUE(restore(sharing("web", 80), Evidence::kRecorded));
  EXPECT_FALSE(restore(sharing("unproven", 443), Evidence::kClaimed)) << "the Pool forbids it now";
  EXPECT_TRUE(restore(sharing("clash", 80), Evidence::kRecorded)) << "but without the port";
  EXPECT_TRUE(
      allocator.allocations().find(ip("10.0.0.0"))->termsOf({"default", "clash"})->ports.empty());
  EXPECT_FALSE(restore(sharing("stranger", 443, "l"), Evidence::kRecorded));
  allocator.setPools(planPools({poolAllowing(AllowSharing::kNamespace)}));
  EXPECT_FALSE(restore(sharing("unproven", 80), Evidence::kClaimed));
  EXPECT_TRUE(restore(sharing("unproven", 443), Evidence::kClaimed));
}

}  // namespace
}  // namespace barevip::assigner
