// SPDX-License-Identifier: Apache-2.0
#include "assigner/take_up.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "assigner/record_name.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::allocatorWith;
using test::ip;
using test::pool;

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

model::IpClaim recordFor(const std::string& name, const std::string& address,
                         std::int64_t created = 0) {
  model::IpClaim claim;
  claim.key = {"default", recordName(name, ip(address))};
  claim.creationSeconds = created;
  claim.serviceOwner = model::OwnerReference{"v1", "Service", name, "uid-of-" + name};
  claim.spec = {"a", address, ""};
  claim.status.phase = "Bound";
  return claim;
}

model::IpClaim reserved(const std::string& name, const std::string& address, bool bound) {
  model::IpClaim claim;
  claim.key = {"default", name};
  claim.spec.address = address;
  if (bound) {
    claim.status.phase = "Bound";
    claim.status.address = address;
  }
  return claim;
}

std::string holderAfter(std::vector<model::IpClaim> claims, std::vector<model::Service> services,
                        const std::string& address) {
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  takeUp(allocator,
         {std::move(claims), std::move(services),
          [](const std::string&) { return std::make_shared<const model::Namespace>(); }},
         {});
  const Hold* const hold = allocator.holds().find(ip(address));
  return hold == nullptr ? "nobody" : hold->holder.toString();
}

const std::string kAddress = "10.0.0.7";

TEST(TakeUpSnapshot, OfTwoClaimsTheOlderOneWinsInAnyOrder) {
  std::vector<model::IpClaim> claims{recordFor("young", kAddress, 20),
                                     recordFor("old", kAddress, 10)};
  const std::vector<model::Service> services{service("young"), service("old")};
  EXPECT_EQ(holderAfter(claims, services, kAddress), "Service default/old");
  std::reverse(claims.begin(), claims.end());
  EXPECT_EQ(holderAfter(claims, services, kAddress), "Service default/old");
}

TEST(TakeUpSnapshot, AClaimGoesBeforeWhatAServiceShows) {
  EXPECT_EQ(holderAfter({recordFor("web", kAddress)},
                        {service("web"), showing("a-other", kAddress, true)}, kAddress),
            "Service default/web");
}

TEST(TakeUpSnapshot, AClaimGoesBeforeWhatItsOwnServiceShows) {
  EXPECT_EQ(holderAfter({recordFor("web", "10.0.0.1")}, {showing("web", kAddress, true)}, kAddress),
            "nobody");
}

TEST(TakeUpSnapshot, WhatWeGaveGoesBeforeWhatOthersShow) {
  EXPECT_EQ(holderAfter({}, {showing("a-foreign", kAddress, false), showing("web", kAddress, true)},
                        kAddress),
            "Service default/web");
  EXPECT_EQ(holderAfter({}, {showing("foreign", kAddress, false)}, kAddress),
            "Service default/foreign");
}

TEST(TakeUpSnapshot, AClaimWithoutItsServiceHoldsNothing) {
  EXPECT_EQ(holderAfter({recordFor("gone", kAddress)}, {}, kAddress), "nobody");
  model::Service anew = service("gone");
  anew.uid = "another";
  EXPECT_EQ(holderAfter({recordFor("gone", kAddress)}, {anew}, kAddress), "nobody");
}

TEST(TakeUpSnapshot, AClaimOutsideOfAllPoolsIsKeptIfItWasBound) {
  EXPECT_EQ(holderAfter({recordFor("web", "192.0.2.1")}, {service("web")}, "192.0.2.1"),
            "Service default/web");
}

TEST(TakeUpSnapshot, AClaimThatWasNeverBoundMustBeAdmitted) {
  model::IpClaim forged = recordFor("web", "192.0.2.1");
  forged.status.phase = "";
  EXPECT_EQ(holderAfter({forged}, {service("web")}, "192.0.2.1"), "nobody");
  model::IpClaim interrupted = recordFor("web", kAddress);
  interrupted.status.phase = "";
  EXPECT_EQ(holderAfter({interrupted}, {service("web")}, kAddress), "Service default/web");
}

TEST(TakeUpSnapshot, ABoundReservationIsTakenUpAndANewOneWaitsForTheHolders) {
  EXPECT_EQ(holderAfter({reserved("front-door", kAddress, true)}, {showing("web", kAddress, true)},
                        kAddress),
            "IP default/front-door");
  EXPECT_EQ(holderAfter({reserved("front-door", kAddress, false)}, {showing("web", kAddress, true)},
                        kAddress),
            "Service default/web");
  EXPECT_EQ(holderAfter({reserved("front-door", kAddress, false)}, {}, kAddress),
            "IP default/front-door");
}

TEST(TakeUpSnapshot, AReservationKeepsItsUser) {
  model::IpClaim claim = reserved("front-door", kAddress, true);
  claim.status.service = "web";
  Allocator allocator = allocatorWith({pool("a", {"10.0.0.0/24"})});
  takeUp(allocator, {{claim}, {service("web")}, [](const std::string&) { return nullptr; }}, {});
  EXPECT_EQ(allocator.holds().find(ip(kAddress))->user, (kube::ObjectKey{"default", "web"}));
}

TEST(TakeUpSnapshot, GarbageIsLeftOut) {
  model::IpClaim garbage = recordFor("web", kAddress);
  garbage.spec.address = "not one";
  EXPECT_EQ(holderAfter({garbage}, {showing("web", "::ffff:10.0.0.7", true)}, kAddress), "nobody");
}

}  // namespace
}  // namespace barevip::assigner
