// SPDX-License-Identifier: Apache-2.0
// Random histories against a model that is too simple to be wrong.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "assigner/allocation/allocator.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::assign;
using test::ip;
using test::pool;
using test::request;

constexpr Uint128 kBase = 0x0a0000f0U;  // 10.0.0.240: avoided octets are near
constexpr unsigned kSpan = 48;

IpAddress nth(unsigned offset) { return IpAddress::fromNumber(Family::kIpv4, kBase + offset); }

struct World {
  model::Pool pool;

  [[nodiscard]] bool offers(const IpAddress& address) const {
    const auto covers = [&](const std::vector<std::string>& entries) {
      return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
        return IpRange::parse(entry)->contains(address);
      });
    };
    const auto octet = static_cast<unsigned>(address.number()) & 0xffU;
    if (pool.avoidBuggyIps && (octet == 0 || octet == 255)) return false;
    if (pool.avoidGatewayIps && (octet == 1 || octet == 254)) return false;
    return covers(pool.addresses) && !covers(pool.exclude);
  }
};

std::string anyRange(unsigned from, unsigned to) {
  const unsigned a = *rc::gen::inRange(from, to);
  const unsigned b = *rc::gen::inRange(from, to);
  return IpRange{nth(std::min(a, b)), nth(std::max(a, b))}.toString();
}

// Two entries that cannot overlap, and a few exclusions.
World anyWorld() {
  World world;
  world.pool = pool("a", {anyRange(0, kSpan / 2), anyRange(kSpan / 2, kSpan)});
  const unsigned exclusions = *rc::gen::inRange(0U, 3U);
  for (unsigned i = 0; i < exclusions; ++i) world.pool.exclude.push_back(anyRange(0, kSpan));
  world.pool.avoidBuggyIps = *rc::gen::arbitrary<bool>();
  world.pool.avoidGatewayIps = *rc::gen::arbitrary<bool>();
  return world;
}

std::optional<IpAddress> naiveLowest(const World& world, const std::set<IpAddress>& held) {
  for (unsigned offset = 0; offset < kSpan; ++offset) {
    if (world.offers(nth(offset)) && !held.contains(nth(offset))) return nth(offset);
  }
  return std::nullopt;
}

TEST(AllocatorProperty, TheLowestFreeAddressIsWhatANaiveScanFinds) {
  EXPECT_TRUE(rc::check("lowest free after any history", [] {
    World world = anyWorld();
    Allocator allocator = test::allocatorWith({world.pool});
    std::set<IpAddress> held;
    std::map<IpAddress, std::string> owner;
    unsigned services = 0;
    const unsigned steps = *rc::gen::inRange(0U, 80U);
    for (unsigned step = 0; step < steps; ++step) {
      const unsigned action = *rc::gen::inRange(0U, 10U);
      if (action == 0) {
        world = anyWorld();
        allocator.setPools(planPools({world.pool}));
      } else if (action <= 3 && !held.empty()) {
        const auto victim = *std::next(
            held.begin(),
            *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(held.size())));
        RC_ASSERT(allocator.release({"default", owner[victim]}, victim));
        held.erase(victim);
      } else {
        const std::string name = "s" + std::to_string(services++);
        const auto expected = naiveLowest(world, held);
        const Choice choice = assign(allocator, request(name));
        RC_ASSERT(choice.addresses.size() == (expected ? 1U : 0U));
        if (!expected) continue;
        RC_ASSERT(choice.addresses[0].address == *expected);
        held.insert(*expected);
        owner[*expected] = name;
      }
    }
    // The counts equal the truth.
    Uint128 capacity = 0;
    Uint128 available = 0;
    for (unsigned offset = 0; offset < kSpan; ++offset) {
      if (!world.offers(nth(offset))) continue;
      ++capacity;
      if (!held.contains(nth(offset))) ++available;
    }
    const PoolUsage usage = allocator.usage("a");
    RC_ASSERT(usage.ipv4.capacity == capacity);
    RC_ASSERT(usage.ipv4.available == available);
    RC_ASSERT(usage.ipv4.allocated == held.size());
  }));
}

Request anyRequest(const std::string& name) {
  Request wanted = request(name);
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      wanted.families = {Family::kIpv6};
      break;
    case 1:
      wanted.families = {Family::kIpv4, Family::kIpv6};
      wanted.allFamilies = *rc::gen::arbitrary<bool>();
      break;
    case 2:
      wanted.addresses = {nth(*rc::gen::inRange(0U, kSpan))};
      break;
    default:
      break;
  }
  return wanted;
}

std::vector<model::Pool> anyPools() {
  model::Pool both = anyWorld().pool;
  both.addresses.push_back("2001:db8::/125");
  return {both, pool("z", {"192.0.2.0/30"})};
}

TEST(AllocatorProperty, NoAddressHasTwoConsumersAndNobodyIsRenumbered) {
  EXPECT_TRUE(rc::check("one holder, stable", [] {
    Allocator allocator = test::allocatorWith(anyPools());
    std::map<std::string, Request> services;
    std::map<std::string, std::vector<Assignment>> has;
    const unsigned steps = *rc::gen::inRange(0U, 60U);
    for (unsigned step = 0; step < steps; ++step) {
      const std::string name = "s" + std::to_string(*rc::gen::inRange(0, 20));
      const unsigned action = *rc::gen::inRange(0U, 8U);
      if (action == 0) {
        allocator.setPools(planPools(anyPools()));
      } else if (action == 1) {
        allocator.releaseAll({"default", name});
        services.erase(name);
        has.erase(name);
      } else if (!services.contains(name)) {
        services[name] = anyRequest(name);
      }
      std::set<IpAddress> seen;
      for (const auto& [each, wanted] : services) {
        const Choice choice = assign(allocator, wanted);
        for (const Assignment& old : has[each]) {
          RC_ASSERT(std::any_of(choice.addresses.begin(), choice.addresses.end(),
                                [&](const Assignment& now) { return now.address == old.address; }));
        }
        has[each] = choice.addresses;
        for (const Assignment& now : choice.addresses) RC_ASSERT(seen.insert(now.address).second);
      }
      RC_ASSERT(seen.size() == allocator.allocations().all().size());
    }
  }));
}

TEST(AllocatorProperty, ARestartGivesTheSameConsumersInWhateverOrderTheyAreTakenUp) {
  EXPECT_TRUE(rc::check("rebuild", [] {
    const auto pools = anyPools();
    Allocator before = test::allocatorWith(pools);
    std::vector<Request> requests;
    const unsigned count = *rc::gen::inRange(0U, 40U);
    for (unsigned i = 0; i < count; ++i) {
      requests.push_back(anyRequest("s" + std::to_string(i)));
      assign(before, requests.back());
    }
    std::vector<std::pair<IpAddress, Allocation>> records(before.allocations().all().begin(),
                                                          before.allocations().all().end());
    const auto order =
        *rc::gen::container<std::vector<unsigned>>(records.size(), rc::gen::arbitrary<unsigned>());
    std::vector<std::pair<unsigned, std::size_t>> shuffled;
    for (std::size_t i = 0; i < records.size(); ++i) shuffled.emplace_back(order[i], i);
    std::sort(shuffled.begin(), shuffled.end());

    Allocator after;
    for (const auto& [unused, index] : shuffled) {
      const auto& [address, allocation] = records[index];
      for (const ServiceConsumer& user : allocation.users) {
        RC_ASSERT(after.restore(user, address, Allocator::Evidence::kRecorded));
      }
    }
    after.setPools(planPools(pools));
    RC_ASSERT(after.allocations().all() == before.allocations().all());
    for (const Request& each : requests) {
      RC_ASSERT(assign(after, each).addresses == assign(before, each).addresses);
    }
    RC_ASSERT(after.allocations().all() == before.allocations().all());
  }));
}

// Sharing: the rules once more, as naive as can be.

using Users = std::map<kube::ObjectKey, SharingTerms>;

bool naiveFits(const SharingTerms& a, const SharingTerms& b) {
  if (a.key.empty() || a.key != b.key) return false;
  for (const Port& port : a.ports) {
    if (std::find(b.ports.begin(), b.ports.end(), port) != b.ports.end()) return false;
  }
  return !a.localPods || !b.localPods || (a.localPods == b.localPods && !a.localPods->empty());
}

struct NaiveSharing {
  World world;
  std::map<IpAddress, Users> held;

  [[nodiscard]] bool fitsAt(const IpAddress& address, const Request& request) const {
    const auto at = held.find(address);
    if (at == held.end()) return true;
    return std::all_of(at->second.begin(), at->second.end(), [&](const auto& user) {
      return user.first == request.service || naiveFits(request.terms, user.second);
    });
  }

  [[nodiscard]] bool mayJoin(const IpAddress& address, const Request& request) const {
    using model::AllowSharing;
    const AllowSharing allow = world.pool.allowSharing;
    return world.offers(address) && fitsAt(address, request) &&
           std::all_of(held.at(address).begin(), held.at(address).end(), [&](const auto& user) {
             return allow == AllowSharing::kCluster ||
                    (allow == AllowSharing::kNamespace && user.first.ns == request.service.ns);
           });
  }

  /// What somebody who has nothing is given.
  [[nodiscard]] std::optional<IpAddress> expected(const Request& request) const {
    if (!request.addresses.empty()) {
      const IpAddress& wanted = request.addresses[0];
      const bool given = held.contains(wanted) ? mayJoin(wanted, request) : world.offers(wanted);
      return given ? std::optional(wanted) : std::nullopt;
    }
    for (const auto& [address, users] : held) {
      if (mayJoin(address, request)) return address;
    }
    std::set<IpAddress> taken;
    for (const auto& [address, users] : held) taken.insert(address);
    return naiveLowest(world, taken);
  }

  void leave(const IpAddress& address, const kube::ObjectKey& service) {
    held[address].erase(service);
    if (held[address].empty()) held.erase(address);
  }
};

SharingTerms anyTerms() {
  SharingTerms terms;
  terms.key = *rc::gen::element<std::string>("", "k", "k", "l");
  for (const std::uint16_t port : std::array<std::uint16_t, 3>{80, 81, 82}) {
    if (*rc::gen::inRange(0, 3) == 0) terms.ports.push_back({model::Protocol::kTcp, port});
  }
  if (*rc::gen::arbitrary<bool>()) {
    terms.localPods = *rc::gen::element(model::StringMap{}, model::StringMap{{"app", "a"}},
                                        model::StringMap{{"app", "b"}});
  }
  return terms;
}

World anySharingWorld() {
  World world = anyWorld();
  world.pool.allowSharing = *rc::gen::element(
      model::AllowSharing::kNamespace, model::AllowSharing::kCluster, model::AllowSharing::kNever);
  return world;
}

// Often one that somebody has.
IpAddress anyAddress(const NaiveSharing& naive) {
  const auto offset = *rc::gen::inRange(0U, kSpan);
  if (naive.held.empty() || *rc::gen::arbitrary<bool>()) return nth(offset);
  return std::next(naive.held.begin(), static_cast<std::ptrdiff_t>(offset % naive.held.size()))
      ->first;
}

// Looks at one Service as its reconciler does, and compares.
void reconcileAndCompare(Allocator& allocator, NaiveSharing& naive, const Request& request) {
  std::map<IpAddress, SharingTerms> had;
  for (const auto& [address, users] : naive.held) {
    const auto mine = users.find(request.service);
    if (mine != users.end()) had.emplace(address, mine->second);
  }
  const auto expected = naive.expected(request);
  const Choice choice = assign(allocator, request);
  if (had.empty()) {
    std::optional<IpAddress> given;
    if (!choice.addresses.empty()) given = choice.addresses[0].address;
    const bool asExpected = given == expected;
    RC_ASSERT(asExpected);
  }
  for (const Assignment& now : choice.addresses) {
    const IpAddress& address = now.address;
    if (had.contains(address)) {
      if (naive.fitsAt(address, request)) naive.held[address][request.service] = request.terms;
    } else {
      // Nobody joins who may not, and what is free is given only if the Pool offers it.
      const bool allowed = naive.held.contains(address) ? naive.mayJoin(address, request)
                                                        : naive.world.offers(address);
      RC_ASSERT(allowed);
      naive.held[address][request.service] = request.terms;
    }
    RC_ASSERT(now.shareKey == naive.held[address][request.service].key);
  }
  for (const IpAddress& address : choice.surplus) {
    // Nobody is renumbered but who asks for it: by another key, or for another address.
    const bool asked = request.terms.key != had.at(address).key ||
                       (!request.addresses.empty() && request.addresses[0] != address);
    RC_ASSERT(asked);
    RC_ASSERT(allocator.release(request.service, address));
    naive.leave(address, request.service);
  }
}

TEST(AllocatorProperty, SharingIsWhatTheNaiveRulesAllow) {
  EXPECT_TRUE(rc::check("sharing", [] {
    NaiveSharing naive{anySharingWorld(), {}};
    Allocator allocator = test::allocatorWith({naive.world.pool});
    std::map<kube::ObjectKey, Request> services;
    const unsigned steps = *rc::gen::inRange(0U, 40U);
    for (unsigned step = 0; step < steps; ++step) {
      const kube::ObjectKey key{*rc::gen::element<std::string>("shop", "blog"),
                                "s" + std::to_string(*rc::gen::inRange(0, 8))};
      const unsigned action = *rc::gen::inRange(0U, 8U);
      if (action == 0) {
        naive.world = anySharingWorld();
        allocator.setPools(planPools({naive.world.pool}));
      } else if (action == 1) {
        for (const IpAddress& address : allocator.releaseAll(key)) naive.leave(address, key);
        services.erase(key);
      } else {
        Request& wanted = services[key];
        const SharingTerms before = wanted.terms;
        wanted = request(key.name);
        wanted.service = key;
        wanted.requester.ns = key.ns;
        wanted.terms = anyTerms();
        if (action < 4) wanted.terms.key = before.key;  // its ports and its policy change only
        if (action == 7) wanted.addresses = {anyAddress(naive)};
      }
      for (const auto& [unused, wanted] : services) {
        reconcileAndCompare(allocator, naive, wanted);
      }
      // The allocator is the model, and its counts are the truth.
      RC_ASSERT(allocator.allocations().all().size() == naive.held.size());
      for (const auto& [address, users] : naive.held) {
        Users now;
        for (const ServiceConsumer& user : allocator.allocations().find(address)->users) {
          now.emplace(user.service, user.terms);
        }
        RC_ASSERT(now == users);
        for (const auto& [service, terms] : users) {
          for (const auto& [other, theirs] : users) {
            const bool together = service == other || naiveFits(terms, theirs);
            RC_ASSERT(together);
          }
        }
      }
      RC_ASSERT(allocator.usage("a").ipv4.allocated == naive.held.size());
    }
  }));
}

}  // namespace
}  // namespace barevip::assigner
