// SPDX-License-Identifier: Apache-2.0
#include "operator/session/reservation_quota.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace barevip::controlplane {
namespace {

using Verdict = ReservationQuota::Verdict;
using Verdicts = std::map<std::string, Verdict>;

model::IpObject reservation(const std::string& name, std::int64_t since,
                            const std::string& phase = "") {
  model::IpObject ipObject;
  ipObject.key = {"shop", name};
  ipObject.creationSeconds = since;
  ipObject.status.phase = phase;
  return ipObject;
}

/// What each object was told last; one that was left out has no entry.
class Told {
 public:
  explicit Told(ReservationQuota::Limits limits, ReservationQuota::Exists exists = {})
      : quota_(limits, std::move(exists)) {}

  void put(const model::IpObject& ipObject) { take(quota_.put(ipObject)); }
  void erase(const std::string& name) {
    last_.erase(name);
    take(quota_.erase({"shop", name}));
  }
  void serviceChanged(const std::string& name) { take(quota_.serviceChanged({"shop", name})); }
  [[nodiscard]] const Verdicts& last() const { return last_; }
  [[nodiscard]] bool hasRoom() const { return quota_.hasRoom(); }

 private:
  void take(const ReservationQuota::Verdicts& verdicts) {
    for (const auto& [key, verdict] : verdicts) {
      if (verdict == Verdict::kLeftOut) {
        last_.erase(key.name);
      } else {
        last_[key.name] = verdict;
      }
    }
  }

  ReservationQuota quota_;
  Verdicts last_;
};

constexpr Verdict kCounts = Verdict::kCounts;
constexpr Verdict kRefused = Verdict::kRefused;

TEST(ReservationQuota, TheOldestCount) {
  Told told({.counted = 2, .refused = 1});
  told.put(reservation("d", 40));
  told.put(reservation("c", 30));
  told.put(reservation("b", 20));
  EXPECT_EQ(told.last(), (Verdicts{{"b", kCounts}, {"c", kCounts}, {"d", kRefused}}));
  told.put(reservation("a", 20));
  EXPECT_EQ(told.last(), (Verdicts{{"a", kCounts}, {"b", kCounts}, {"c", kRefused}}));
}

TEST(ReservationQuota, WhoeverHasAnAddressKeepsIt) {
  Told told({.counted = 2, .refused = 1});
  for (int i = 0; i < 5; ++i) told.put(reservation("b" + std::to_string(i), 90 + i, "Bound"));
  told.put(reservation("old", 1));
  Verdicts expected;
  for (int i = 0; i < 5; ++i) expected["b" + std::to_string(i)] = kCounts;
  expected["old"] = kRefused;
  EXPECT_EQ(told.last(), expected) << "as many as there were before there was a limit";
  told.put(reservation("b0", 90));
  EXPECT_EQ(told.last().at("b1"), kCounts);
  EXPECT_FALSE(told.last().contains("b0")) << "it is the youngest that waits";
}

TEST(ReservationQuota, WhatEndsMakesRoomForTheOldest) {
  Told told({.counted = 1, .refused = 2});
  for (int i = 0; i < 4; ++i) told.put(reservation("r" + std::to_string(i), i));
  EXPECT_EQ(told.last(), (Verdicts{{"r0", kCounts}, {"r1", kRefused}, {"r2", kRefused}}));
  EXPECT_FALSE(told.hasRoom());
  told.erase("r0");
  EXPECT_EQ(told.last(), (Verdicts{{"r1", kCounts}, {"r2", kRefused}}));
  EXPECT_TRUE(told.hasRoom()) << "for what was left out, which a list finds";
  told.put(reservation("r3", 3));
  EXPECT_FALSE(told.hasRoom());
}

model::IpObject recordOf(const std::string& service, int number, std::int64_t since,
                         const std::string& phase = "") {
  const std::string address = "192.0.2." + std::to_string(number);
  model::IpObject record = reservation(service + "-" + address, since, phase);
  record.spec.address = address;
  record.serviceOwner = model::OwnerReference{};
  record.serviceOwner->name = service;
  return record;
}

TEST(ReservationQuota, RecordsOfServicesAreNoReservations) {
  Told told({.counted = 0, .refused = 1});
  const model::IpObject record = recordOf("web", 1, 1);
  told.put(record);
  model::IpObject forged = record;
  forged.key.name = "web-192.0.2.1-2";
  told.put(forged);
  EXPECT_EQ(told.last(), (Verdicts{{"web-192.0.2.1", kCounts}, {"web-192.0.2.1-2", kRefused}}));
}

TEST(ReservationQuota, OfOneServiceAFewRecordsThatAreNotBoundAreNoReservations) {
  Told told({.counted = 1, .refused = 2, .unbound = 2});
  for (int i = 1; i <= 6; ++i) told.put(recordOf("web", i, i));
  told.put(recordOf("other", 1, 9));
  EXPECT_EQ(told.last(), (Verdicts{{"web-192.0.2.1", kCounts},
                                   {"web-192.0.2.2", kCounts},
                                   {"web-192.0.2.3", kCounts},
                                   {"web-192.0.2.4", kRefused},
                                   {"web-192.0.2.5", kRefused},
                                   {"other-192.0.2.1", kCounts}}));
  told.put(recordOf("web", 1, 1, "Bound"));
  EXPECT_EQ(told.last().at("web-192.0.2.4"), kCounts) << "a place of a reservation is free";
  EXPECT_EQ(told.last().at("web-192.0.2.5"), kRefused);
  told.put(recordOf("web", 7, 0));
  EXPECT_EQ(told.last().at("web-192.0.2.7"), kCounts) << "the oldest are the records";
  EXPECT_EQ(told.last().at("web-192.0.2.4"), kRefused);
}

TEST(ReservationQuota, AsManyRecordsThatAreBoundAsThereAre) {
  Told told({.counted = 0, .refused = 0, .unbound = 1});
  for (int i = 1; i <= 5; ++i) told.put(recordOf("web", i, i, "Bound"));
  EXPECT_EQ(told.last().size(), 5U);
}

TEST(ReservationQuota, OtherNamespacesNoticeNothing) {
  ReservationQuota quota({.counted = 1, .refused = 1});
  for (int i = 0; i < 100; ++i) (void)quota.put(reservation("r" + std::to_string(i), i));
  model::IpObject other = reservation("r", 1000);
  other.key.ns = "blog";
  EXPECT_EQ(quota.put(other), (ReservationQuota::Verdicts{{other.key, kCounts}}));
}

/// Services that come and go, and what a quota says with them.
class WithServices {
 public:
  explicit WithServices(ReservationQuota::Limits limits)
      : told_(limits, [this](const kube::ObjectKey& key) { return services_.contains(key.name); }) {
  }

  void come(const std::string& service) {
    services_.insert(service);
    told_.serviceChanged(service);
  }
  void go(const std::string& service) {
    services_.erase(service);
    told_.serviceChanged(service);
  }
  Told& told() { return told_; }
  [[nodiscard]] bool exists(const std::string& service) const {
    return services_.contains(service);
  }

 private:
  std::set<std::string> services_;
  Told told_;
};

constexpr ReservationQuota::Limits kTwoOwnerless{
    .counted = 0, .refused = 0, .unbound = 2, .ownerless = 2};

TEST(OwnerlessRecords, TheYoungestAreKnownWhateverOwnersTheyInvent) {
  WithServices shop(kTwoOwnerless);
  for (int i = 1; i <= 4; ++i) shop.told().put(recordOf("no" + std::to_string(i), 1, i));
  EXPECT_EQ(shop.told().last(), (Verdicts{{"no3-192.0.2.1", kCounts}, {"no4-192.0.2.1", kCounts}}));
  shop.told().put(recordOf("no0", 1, 0));
  EXPECT_FALSE(shop.told().last().contains("no0-192.0.2.1"));
  EXPECT_FALSE(shop.told().hasRoom()) << "no list finds anything for a Service that exists";
}

TEST(OwnerlessRecords, TakeNoPlaceOfRecordsOfServicesThatExist) {
  WithServices shop(kTwoOwnerless);
  shop.come("web");
  shop.told().put(recordOf("web", 1, 0));
  for (int i = 1; i <= 9; ++i) shop.told().put(recordOf("no" + std::to_string(i), 1, i));
  shop.told().put(recordOf("web", 2, 0));
  EXPECT_EQ(shop.told().last(), (Verdicts{{"no8-192.0.2.1", kCounts},
                                          {"no9-192.0.2.1", kCounts},
                                          {"web-192.0.2.1", kCounts},
                                          {"web-192.0.2.2", kCounts}}));
}

TEST(OwnerlessRecords, ARecordThatIsSeenBeforeItsServiceStaysAndMakesRoom) {
  WithServices shop(kTwoOwnerless);
  shop.told().put(recordOf("no1", 1, 1));
  shop.told().put(recordOf("web", 1, 2));
  shop.come("web");
  shop.told().put(recordOf("no2", 1, 3));
  EXPECT_EQ(shop.told().last(), (Verdicts{{"no1-192.0.2.1", kCounts},
                                          {"no2-192.0.2.1", kCounts},
                                          {"web-192.0.2.1", kCounts}}));
}

TEST(OwnerlessRecords, OfAServiceThatGoesThoseThatAreBoundStay) {
  WithServices shop(kTwoOwnerless);
  shop.come("web");
  shop.told().put(recordOf("web", 1, 1));
  shop.told().put(recordOf("web", 2, 1, "Bound"));
  for (int i = 1; i <= 2; ++i) shop.told().put(recordOf("no" + std::to_string(i), 1, 1 + i));
  EXPECT_TRUE(shop.told().last().contains("web-192.0.2.1"));
  shop.go("web");
  EXPECT_FALSE(shop.told().last().contains("web-192.0.2.1"));
  EXPECT_TRUE(shop.told().last().contains("web-192.0.2.2"));
}

TEST(OwnerlessRecords, WhatWasLeftOutBeforeItsServiceCameIsListed) {
  WithServices shop(kTwoOwnerless);
  shop.told().put(recordOf("web", 1, 1));
  for (int i = 1; i <= 2; ++i) shop.told().put(recordOf("no" + std::to_string(i), 1, 1 + i));
  EXPECT_FALSE(shop.told().last().contains("web-192.0.2.1"));
  EXPECT_FALSE(shop.told().hasRoom());
  shop.come("web");
  EXPECT_TRUE(shop.told().hasRoom());
}

TEST(OwnerlessRecords, NeverKeepOutARecordOfAServiceThatExists) {
  std::mt19937 random(21);
  const auto upTo = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 300; ++round) {
    const ReservationQuota::Limits limits{.counted = 2, .refused = 1, .unbound = 9, .ownerless = 3};
    WithServices shop(limits);
    std::map<std::string, model::IpObject> there;
    std::set<std::string> sure;  ///< records that came while their Service existed, or before it
    for (int step = 0; step < 80; ++step) {
      const std::string service = "s" + std::to_string(upTo(4));
      switch (upTo(5)) {
        case 0:
          shop.come(service);
          break;
        case 1:
          shop.go(service);
          for (const auto& [name, record] : there) {
            if (record.serviceOwner->name == service) sure.erase(name);
          }
          break;
        case 2: {
          const auto record = recordOf("forged" + std::to_string(upTo(50)), 1, upTo(100));
          there[record.key.name] = record;
          shop.told().put(record);
          break;
        }
        case 3: {
          const auto record = recordOf(service, upTo(3), upTo(100));
          there[record.key.name] = record;
          shop.told().put(record);
          if (shop.exists(service)) sure.insert(record.key.name);
          break;
        }
        default:
          if (there.empty()) break;
          auto it = std::next(there.begin(), upTo(static_cast<int>(there.size())));
          shop.told().erase(it->first);
          sure.erase(it->first);
          there.erase(it);
      }
      std::size_t ownerless = 0;
      for (const auto& [name, record] : there) {
        const bool exists = shop.exists(record.serviceOwner->name);
        const bool kept = shop.told().last().contains(name);
        if (!exists && kept) ++ownerless;
        ASSERT_TRUE(kept || !sure.contains(name)) << name;
        ASSERT_TRUE(kept || !exists || shop.told().hasRoom()) << name << " is never found again";
      }
      ASSERT_LE(ownerless, limits.ownerless);
    }
    // A list, in any order, finds all of them.
    std::vector<model::IpObject> all;
    all.reserve(there.size());
    for (const auto& [name, record] : there) all.push_back(record);
    std::shuffle(all.begin(), all.end(), random);
    Told listed(limits, [&](const kube::ObjectKey& key) { return shop.exists(key.name); });
    for (const model::IpObject& each : all) listed.put(each);
    EXPECT_FALSE(listed.hasRoom());
    for (const model::IpObject& each : all) {
      if (!shop.exists(each.serviceOwner->name)) continue;
      EXPECT_TRUE(listed.last().contains(each.key.name)) << each.key.name;
    }
  }
}

// As many as are known: then nothing hangs on what was left out before.
TEST(ReservationQuota, TheVerdictIsTheSameAfterARestartHoweverTheyCame) {
  std::mt19937 random(20);
  const auto upTo = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 200; ++round) {
    const ReservationQuota::Limits limits{
        .counted = 5, .refused = 40, .unbound = 2, .ownerless = 40};
    WithServices shop(limits);
    Told& running = shop.told();
    std::map<std::string, model::IpObject> there;
    for (int step = 0; step < 60; ++step) {
      const std::string name = "r" + std::to_string(upTo(20));
      if (upTo(4) == 0) {
        const std::string service = name.substr(0, 2);
        upTo(2) == 0 ? shop.come(service) : shop.go(service);
        continue;
      }
      if (upTo(4) == 0) {
        there.erase(name);
        running.erase(name);
        continue;
      }
      const auto since = static_cast<std::int64_t>(upTo(6));
      const std::string phase = upTo(4) == 0 ? "Bound" : "Pending";
      const model::IpObject ipObject = upTo(2) == 0
                                           ? reservation(name, since, phase)
                                           : recordOf(name.substr(0, 2), upTo(9), since, phase);
      there[ipObject.key.name] = ipObject;
      running.put(ipObject);
    }
    Told restarted(limits, [&](const kube::ObjectKey& key) { return shop.exists(key.name); });
    for (const auto& [name, ipObject] : there) restarted.put(ipObject);
    ASSERT_EQ(running.last(), restarted.last());
  }
}

}  // namespace
}  // namespace barevip::controlplane
