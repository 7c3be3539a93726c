// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using kube::FakeApi;
using nlohmann::json;

const kube::ObjectKey kLease{"barevip-system", "barevip-node-n1"};

class MembershipTest : public testing::Test {
 protected:
  json lease() { return api.object(kube::kLeases, kLease).value_or(json::object()); }
  std::string field(const char* pointer) {
    const json found = lease();
    const json::json_pointer at(pointer);
    return found.contains(at) ? found.at(at).dump() : "";
  }
  bool waitForField(const char* pointer, const std::string& value) {
    return api.waitFor([&] { return field(pointer) == value; });
  }

  FakeApi api;
  ManualClock clock;
  std::atomic<bool> seesNode{true};
  Membership membership{api, clock, {"barevip-system", "n1", "eth0", true, [this] {
                                       return seesNode ? "uid-of-n1" : "";
                                     }}};
};

TEST_F(MembershipTest, TheLeaseSaysWhoLivesAndWhereItAnnounces) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  EXPECT_EQ(field("/spec/leaseDurationSeconds"), "7");
  EXPECT_EQ(field("/spec/renewTime"), "\"2030-01-01T00:00:00.000000Z\"");
  EXPECT_EQ(field("/metadata/labels/barevip.dev~1node-lease"), "\"elects-by-share\"");
  EXPECT_EQ(field("/metadata/annotations/barevip.dev~1bind-interface"), "\"eth0\"");
  EXPECT_EQ(field("/metadata/annotations/barevip.dev~1state"), "\"serving\"");
  EXPECT_EQ(field("/metadata/annotations/barevip.dev~1families"), "\"4,6\"");
}

TEST_F(MembershipTest, TheLeaseGoesWithItsNode) {
  membership.start();
  ASSERT_TRUE(waitForField("/metadata/ownerReferences/0/uid", "\"uid-of-n1\""));
  EXPECT_EQ(
      lease()["metadata"]["ownerReferences"],
      json::parse(R"([{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "uid-of-n1"}])"));
}

TEST_F(MembershipTest, ALeaseIsMadeOnceItsNodeIsKnown) {
  seesNode = false;
  std::atomic<int> tries{0};
  api.setInterceptor(
      [&](FakeApi::Verb, const kube::Resource&, const kube::ObjectKey&) -> std::optional<Error> {
        ++tries;
        return std::nullopt;
      });
  membership.start();
  while (tries < 3) clock.advance(100ms);
  EXPECT_TRUE(lease().empty());
  seesNode = true;
  while (lease().empty()) clock.advance(100ms);
  EXPECT_EQ(field("/metadata/ownerReferences/0/name"), "\"n1\"");
}

TEST_F(MembershipTest, ALeaseThatIsThereIsRenewedBeforeItsNodeIsKnown) {
  seesNode = false;
  api.put(kube::kLeases, {{"metadata", {{"name", kLease.name}, {"namespace", kLease.ns}}},
                          {"spec", {{"leaseDurationSeconds", 30}, {"holderIdentity", "n1"}}}});
  membership.start();
  EXPECT_TRUE(waitForField("/spec/leaseDurationSeconds", "7"));
}

TEST_F(MembershipTest, WhatTheNodeCannotAnnounceIsToldAtOnce) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  membership.setEligibility(
      {true,
       {IpAddress::parse("192.0.2.1").value(), IpAddress::parse("2001:db8::1").value()},
       {IpAddress::parse("192.0.2.9").value()}});
  EXPECT_TRUE(
      waitForField("/metadata/annotations/barevip.dev~1blocked", "\"192.0.2.1,2001:db8::1\""));
  EXPECT_EQ(field("/metadata/annotations/barevip.dev~1held"), "\"192.0.2.9\"");
  membership.setEligibility({false, {}, {}});
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1blocked", "\"*\""));
  EXPECT_EQ(field("/metadata/annotations/barevip.dev~1state"), "\"serving\"");
  membership.setEligibility({});
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1blocked", "\"\""));
}

TEST_F(MembershipTest, WhatTheProcessBeforeCouldNotAnnounceStandsUntilItIsKnownBetter) {
  api.put(kube::kLeases, {{"metadata",
                           {{"name", kLease.name},
                            {"namespace", kLease.ns},
                            {"annotations", {{kBlockedAnnotation, "192.0.2.1"}}}}},
                          {"spec", {{"leaseDurationSeconds", 30}, {"holderIdentity", "n1"}}}});
  membership.start();
  ASSERT_TRUE(waitForField("/spec/leaseDurationSeconds", "7"));
  EXPECT_EQ(field("/metadata/annotations/barevip.dev~1blocked"), "\"192.0.2.1\"");
  membership.setEligibility({});
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1blocked", "\"\""));
}

TEST_F(MembershipTest, WhatCouldNotBeToldIsToldWhenTheApiServerIsBack) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  std::atomic<int> refused{0};
  api.setInterceptor(
      [&](FakeApi::Verb, const kube::Resource&, const kube::ObjectKey&) -> std::optional<Error> {
        if (++refused > 3) return std::nullopt;
        return Error{ErrorCode::kUnavailable, "connection refused", 0, {}};
      });
  membership.setEligibility({false, {}, {}});
  while (refused <= 3) {
    clock.advance(100ms);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1blocked", "\"*\""));
}

TEST_F(MembershipTest, IsRenewedEveryTwoSeconds) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/renewTime", "\"2030-01-01T00:00:00.000000Z\""));
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    clock.advance(100ms);
    std::this_thread::sleep_for(5ms);  // so that the thread may look at the clock
    seen.insert(field("/spec/renewTime"));
  }
  EXPECT_GE(seen.size(), 4U) << "in ten seconds";
  EXPECT_LE(seen.size(), 6U);
}

TEST_F(MembershipTest, GoesOnAfterTheApiServerWasAway) {
  std::atomic<int> attempts{0};
  api.setInterceptor(
      [&](FakeApi::Verb, const kube::Resource&, const kube::ObjectKey&) -> std::optional<Error> {
        ++attempts;
        if (attempts > 3) return std::nullopt;
        return Error{ErrorCode::kUnavailable, "connection refused", 0, {}};
      });
  membership.start();
  while (lease().empty() && attempts < 100) clock.advance(100ms);
  EXPECT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  membership.stop();
}

TEST_F(MembershipTest, LeavingIsToldAtOnce) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  membership.setLeaving(LeaveReason::kHandover, true);
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1state", "\"leaving\""));
  membership.setLeaving(LeaveReason::kHandover, false);
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1state", "\"serving\""));
}

TEST_F(MembershipTest, ANodeLeavesAsLongAsThereIsAReason) {
  membership.setLeaving(LeaveReason::kUnsafe, true);
  membership.setLeaving(LeaveReason::kNoCarrier, true);
  membership.setLeaving(LeaveReason::kNoCarrier, false);
  membership.start();
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1state", "\"leaving\""));
  membership.setLeaving(LeaveReason::kUnsafe, false);
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1state", "\"serving\""));
}

TEST_F(MembershipTest, APlannedStopAsksForPatience) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  membership.stop();
  ASSERT_TRUE(membership.hold(5s));
  EXPECT_EQ(field("/spec/leaseDurationSeconds"), "30");
}

TEST_F(MembershipTest, AnExistingLeaseIsTakenUp) {
  model::Lease old;
  api.put(kube::kLeases, {{"metadata", {{"name", kLease.name}, {"namespace", kLease.ns}}},
                          {"spec", {{"leaseDurationSeconds", 30}, {"holderIdentity", "n1"}}}});
  membership.start();
  EXPECT_TRUE(waitForField("/spec/leaseDurationSeconds", "7"));
}

TEST_F(MembershipTest, TheLeasePublishesWhatTheBindInterfacesAreLike) {
  membership.start();
  ASSERT_TRUE(waitForField("/spec/holderIdentity", "\"n1\""));
  EXPECT_FALSE(lease()["metadata"]["annotations"].contains("barevip.dev/bind-interfaces"));
  net::BindInterfaces two{{"eth0", {IpPrefix::parse("192.0.2.0/24").value()}}, {"eth1"}};
  membership.setInterfaces(two);
  ASSERT_TRUE(waitForField("/metadata/annotations/barevip.dev~1bind-interfaces",
                           "\"eth0 192.0.2.0/24 eth1\""));
  two[1].running = false;
  membership.setInterfaces(two);
  EXPECT_TRUE(waitForField("/metadata/annotations/barevip.dev~1bind-interfaces",
                           "\"eth0 192.0.2.0/24 eth1 /down\""));
}

}  // namespace
}  // namespace barevip::node::test
