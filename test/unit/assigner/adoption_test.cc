// SPDX-License-Identifier: Apache-2.0
#include "assigner/restore/adoption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assigner/allocation/service_status.h"
#include "assigner/restore/restore.h"
#include "assigner/service/service_events.h"
#include "unit/assigner/builders.h"
#include "unit/assigner/snapshots.h"

namespace barevip::assigner {
namespace {

using test::ip;
using test::pool;
using test::restore;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::Service showing(const std::string& name, const std::vector<std::string>& addresses) {
  model::Service service;
  service.key = {"default", name};
  service.type = "LoadBalancer";
  for (const std::string& address : addresses) service.ingress.push_back({address, "", ""});
  return service;
}

Allocator twoFamilies() {
  return test::allocatorWith({pool("a", {"10.0.0.0/24", "2001:db8::/64"})});
}

TEST(Adoption, TakesOverWhatAServiceShowsWithinAPool) {
  Allocator allocator = twoFamilies();
  const model::Service web = showing("web", {"10.0.0.7", "2001:db8::7"});
  allocator.setForeign(web.key, shownBy(web));
  EXPECT_TRUE(adopt(allocator, web));
  EXPECT_THAT(allocator.allocations().ofService(web.key),
              ElementsAre(ip("10.0.0.7"), ip("2001:db8::7")));
  EXPECT_THAT(allocator.allocations().ofForeign(web.key), IsEmpty());
  EXPECT_EQ(allocator.allocations().find(ip("10.0.0.7"))->sourcePool(), "a");
  EXPECT_THAT(adoptedEvent(web).note, HasSubstr("10.0.0.7, 2001:db8::7"));
}

TEST(Adoption, IsAllOrNothing) {
  struct Case {
    const char* why;
    std::vector<std::string> shown;
  };
  const Case cases[] = {
      {"one is in no Pool", {"2001:db8::7", "172.16.0.1"}},
      {"one is held by somebody else", {"2001:db8::7", "10.0.0.1"}},
      {"two of one family", {"10.0.0.7", "10.0.0.8"}},
      {"one is not an address", {"10.0.0.7", ""}},
  };
  for (const Case& each : cases) {
    Allocator allocator = twoFamilies();
    restore(allocator, {"default", "other"}, "10.0.0.1");
    const model::Service web = showing("web", each.shown);
    allocator.setForeign(web.key, shownBy(web));
    const auto before = allocator.allocations().all();
    EXPECT_FALSE(adopt(allocator, web)) << each.why;
    EXPECT_EQ(allocator.allocations().all(), before) << each.why;
  }
}

TEST(Adoption, WhatItGotBeforeItFailedStaysWithTheServiceThatShowsIt) {
  model::Pool first = pool("a", {"10.0.0.0/24"});
  first.reuseDelay = std::chrono::seconds(60);
  Allocator allocator = test::allocatorWith({first, pool("b", {"2001:db8::/64"})});
  restore(allocator, {"default", "other"}, "2001:db8::7");
  const model::Service web = showing("web", {"10.0.0.7", "2001:db8::7"});
  EXPECT_FALSE(adopt(allocator, web));
  EXPECT_EQ(allocator.allocations().find(ip("10.0.0.7"))->kind, Consumer::Kind::kForeign);
}

TEST(Adoption, NeedsAPoolThatGives) {
  model::Pool going = pool("a", {"10.0.0.0/24"});
  going.deleting = true;
  Allocator allocator = test::allocatorWith({going});
  EXPECT_FALSE(adopt(allocator, showing("web", {"10.0.0.7"})));
}

TEST(Adoption, AsksNoRulesOfThePoolSinceNobodyIsRenumbered) {
  model::Pool forOthers = pool("a", {"10.0.0.0/24"});
  forOthers.namespaces = {"shop"};
  forOthers.autoAssign = false;
  Allocator allocator = test::allocatorWith({forOthers});
  EXPECT_TRUE(adopt(allocator, showing("web", {"10.0.0.7"})));
}

// At take-up, before anything is given.

std::vector<std::string> adoptedOf(Allocator& allocator,
                                   const std::vector<model::IpObject>& ipObjects,
                                   const std::vector<model::Service>& services, bool adopt = true) {
  const Snapshot snapshot = test::snapshotOf(ipObjects, services);
  std::vector<std::string> names;
  for (const auto* service : restore(allocator, snapshot, {.classes = {}, .adopt = adopt})) {
    names.push_back(service->key.name);
  }
  return names;
}

TEST(Adoption, OnlyWhenItIsWanted) {
  Allocator allocator = twoFamilies();
  EXPECT_THAT(adoptedOf(allocator, {}, {showing("web", {"10.0.0.7"})}, false), IsEmpty());
  EXPECT_THAT(allocator.allocations().ofForeign({"default", "web"}), ElementsAre(ip("10.0.0.7")));
}

TEST(Adoption, OfTwoServicesThatShowOneAddressTheFirstByNameGetsIt) {
  Allocator allocator = twoFamilies();
  EXPECT_THAT(
      adoptedOf(allocator, {}, {showing("web-2", {"10.0.0.7"}), showing("web-1", {"10.0.0.7"})}),
      ElementsAre("web-1"));
}

TEST(Adoption, ServicesThatShowOneAddressShareItIfTheyMay) {
  const auto sharing = [](const std::string& name, const std::string& key, std::uint16_t port) {
    model::Service service = showing(name, {"10.0.0.7"});
    service.annotations = {{std::string(model::kShareAnnotation), key}};
    service.ports = {{"", model::Protocol::kTcp, port, 0}};
    return service;
  };
  Allocator allocator = twoFamilies();
  EXPECT_THAT(adoptedOf(allocator, {},
                        {sharing("a", "key", 80), sharing("b", "key", 443), sharing("c", "key", 80),
                         sharing("d", "other", 22)}),
              ElementsAre("a", "b"));
}

TEST(Adoption, WhatAServiceOfAnotherClassShowsIsHeldBySomebodyElse) {
  Allocator allocator = twoFamilies();
  model::Service other = showing("other", {"10.0.0.7"});
  other.loadBalancerClass = "example.com/other";
  EXPECT_THAT(adoptedOf(allocator, {}, {showing("web", {"10.0.0.7"}), other}), IsEmpty());
  EXPECT_EQ(allocator.allocations().find(ip("10.0.0.7"))->owner.name, "other");
}

TEST(Adoption, GoesBeforeAReservationThatWasNeverBound) {
  model::IpObject wish;
  wish.key = {"default", "wish"};
  wish.spec.address = "10.0.0.7";
  Allocator allocator = twoFamilies();
  EXPECT_THAT(adoptedOf(allocator, {wish}, {showing("web", {"10.0.0.7"})}), ElementsAre("web"));
  wish.status.phase = "Bound";
  wish.status.address = "10.0.0.7";
  Allocator bound = twoFamilies();
  EXPECT_THAT(adoptedOf(bound, {wish}, {showing("web", {"10.0.0.7"})}), IsEmpty());
}

TEST(Adoption, AServiceThatIsBeingDeletedIsLeftAsItIs) {
  Allocator allocator = twoFamilies();
  model::Service going = showing("web", {"10.0.0.7"});
  going.deleting = true;
  EXPECT_THAT(adoptedOf(allocator, {}, {going}), IsEmpty());
}

}  // namespace
}  // namespace barevip::assigner
