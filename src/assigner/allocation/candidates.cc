// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/candidates.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "assigner/allocation/namespace_use.h"

namespace barevip::assigner {
namespace {

tl::unexpected<Refusal> refuse(RefusalReason reason, std::string message) {
  return tl::make_unexpected(Refusal{reason, std::move(message)});
}

std::string namesOf(const Candidates& pools) {
  std::vector<std::string> names;
  for (const PoolState* const pool : pools) names.push_back(quoted(pool->plan.name));
  return joined(names);
}

Chosen<const PoolState*> poolByName(const PoolTable& pools, const std::string& name) {
  const PoolState* const pool = pools.find(name);
  if (pool == nullptr) {
    return refuse(RefusalReason::kNoPool, "the requested Pool " + quoted(name) +
                                              " does not exist: create it or request another one");
  }
  if (!pool->gives()) {
    return refuse(RefusalReason::kPoolNotReady, "the requested Pool " + quoted(name) +
                                                    " is not ready: " + pool->plan.fault->message);
  }
  return pool;
}

// Why automatic assignment finds no Pool at all.
Refusal noCandidate(const PoolTable& pools, const Requester& requester) {
  if (pools.all().empty()) {
    return {RefusalReason::kNoPool, "there is no Pool: create one with addresses that you own"};
  }
  std::vector<std::string> refusals;
  std::vector<std::string> faults;
  for (const PoolState& pool : pools.all()) {
    const std::string name = "Pool " + quoted(pool.plan.name);
    if (!pool.gives()) {
      faults.push_back(name + ": " + pool.plan.fault->message);
    } else if (const auto why = pool.plan.admission.refusal(requester)) {
      refusals.push_back(name + ": " + *why);
    } else {
      refusals.push_back(name +
                         ": it allocates on request only (autoAssign is false): set annotation "
                         "barevip.dev/pool");
    }
  }
  if (refusals.empty()) {
    return {RefusalReason::kPoolNotReady, "no Pool is ready: " + joined(faults)};
  }
  return {RefusalReason::kNoPoolAdmits, "no Pool admits this: " + joined(refusals)};
}

std::string avoidedBecause(const PoolState& pool, const IpAddress& address) {
  const auto octet = static_cast<unsigned>(address.number()) & 0xffU;
  const bool buggy = octet == 0 || octet == 255;
  return address.toString() + " is left out by Pool " + quoted(pool.plan.name) + ": " +
         (buggy ? "avoidBuggyIPs" : "avoidGatewayIPs") + " is set";
}

const PoolState* leavingOut(const PoolTable& pools, const IpAddress& address) {
  const auto it = std::find_if(pools.all().begin(), pools.all().end(), [&](const PoolState& pool) {
    return pool.gives() && pool.plan.firstLast.contains(address);
  });
  return it == pools.all().end() ? nullptr : &*it;
}

}  // namespace

std::optional<Refusal> admissionRefusal(const PoolState& pool, const Requester& requester) {
  const auto why = pool.plan.admission.refusal(requester);
  if (!why) return std::nullopt;
  return Refusal{RefusalReason::kNoPoolAdmits,
                 "Pool " + quoted(pool.plan.name) + " does not admit this: " + *why};
}

std::optional<std::string> refusalToJoin(const PoolTable& pools, const IpAddress& address,
                                         const Allocation& allocation,
                                         const kube::ObjectKey& service) {
  const PoolState* const pool = pools.find(pools.home(address, allocation.sourcePool()));
  if (pool == nullptr) return std::nullopt;
  return refusalToJoin(service, allocation.users, pool->plan.name, pool->plan.allowSharing);
}

Chosen<Candidates> candidatesFor(const PoolTable& pools, const Requester& requester,
                                 const std::string& poolName) {
  if (!poolName.empty()) {
    const auto pool = poolByName(pools, poolName);
    if (!pool) return tl::make_unexpected(pool.error());
    if (auto refusal = admissionRefusal(**pool, requester)) {
      return tl::make_unexpected(std::move(*refusal));
    }
    return Candidates{*pool};
  }
  Candidates found;
  for (const PoolState& pool : pools.all()) {
    if (pool.gives() && pool.plan.autoAssign && pool.plan.admission.admits(requester)) {
      found.push_back(&pool);
    }
  }
  if (found.empty()) return tl::make_unexpected(noCandidate(pools, requester));
  return found;
}

std::optional<IpAddress> lowestIn(const AllocationTable& allocations, const PoolState& pool,
                                  const Consumer& asking, Family family) {
  const auto free = pool.space.lowestFree(family);
  for (const IpAddress& resting : allocations.restingFor(asking.key.ns)) {
    if (resting.family() != family || !pool.space.offers(resting)) continue;
    if (!allocations.find(resting)->isFreeFor(asking)) continue;
    return free && *free < resting ? free : resting;
  }
  return free;
}

bool isSharedBeyond(const PoolTable& pools, const AllocationTable& allocations,
                    const IpAddress& address, const std::string& pool, const std::string& ns) {
  if (pools.sharedEverywhere(pool)) return true;
  const Allocation* const allocation = allocations.find(address);
  return allocation != nullptr &&
         std::any_of(allocation->users.begin(), allocation->users.end(),
                     [&](const ServiceConsumer& user) { return user.service.ns != ns; });
}

std::optional<Refusal> limitRefusal(const PoolTable& pools, const AllocationTable& allocations,
                                    const PoolState& pool, const Consumer& asking, Family family) {
  const std::uint32_t most = pool.plan.maxPerNamespace;
  if (most == 0) return std::nullopt;
  const std::string& ns = asking.key.ns;
  const Limit limit{ns, {pool.plan.name, family}};
  if (NamespaceUse(pools, allocations, pool, limit).hasRoomFor(asking)) return std::nullopt;
  return Refusal{RefusalReason::kNamespaceLimit,
                 "namespace " + quoted(ns) + " has all " + std::string(toString(family)) +
                     " addresses that Pool " + quoted(pool.plan.name) +
                     " lets one namespace have (maxPerNamespace is " + std::to_string(most) + ")",
                 {.limits = {limit.of}}};
}

Chosen<FreeAddress> freeAddressFor(const PoolTable& pools, const AllocationTable& allocations,
                                   const Candidates& candidates, const Consumer& asking,
                                   Family family) {
  Candidates roomy;
  std::optional<Refusal> limited;
  for (const PoolState* const pool : candidates) {
    auto refusal = limitRefusal(pools, allocations, *pool, asking, family);
    if (!refusal) {
      roomy.push_back(pool);
    } else if (limited) {
      limited->obstacle.add(std::move(refusal->obstacle));
    } else {
      limited = std::move(refusal);
    }
  }
  if (roomy.empty()) return tl::make_unexpected(*std::move(limited));
  Obstacle obstacle;
  if (limited) obstacle.add(limited->obstacle);
  Candidates exhausted;
  for (const PoolState* const pool : roomy) {
    if (const auto address = lowestIn(allocations, *pool, asking, family)) {
      return FreeAddress{*address, pool};
    }
    if (pool->space.capacity(family) == 0) continue;
    exhausted.push_back(pool);
    obstacle.exhausted.push_back({pool->plan.name, family});
  }
  if (exhausted.empty() && limited) return tl::make_unexpected(*std::move(limited));
  const std::string name(toString(family));
  Refusal refusal =
      exhausted.empty()
          ? Refusal{RefusalReason::kFamilyMissing,
                    "no Pool that admits this has " + name + " addresses: " + namesOf(roomy)}
          : Refusal{RefusalReason::kPoolExhausted,
                    "no free " + name + " address in Pool " + namesOf(exhausted)};
  refusal.obstacle = std::move(obstacle);
  return tl::make_unexpected(std::move(refusal));
}

Chosen<const PoolState*> poolOf(const PoolTable& pools, const Requester& requester,
                                const IpAddress& address, const std::string& poolName) {
  const PoolState* pool = pools.having(address);
  if (!poolName.empty()) {
    const auto named = poolByName(pools, poolName);
    if (!named) return named;
    pool = (*named)->space.addresses().contains(address) ? *named : nullptr;
  }
  for (const PoolState& each : pools.all()) {
    const ClusterUser* const user = userOf(each.plan, address);
    if (pool != nullptr || user == nullptr) continue;
    return refuse(RefusalReason::kAddressNotInPool, address.toString() + " is " + user->what +
                                                        ", so Pool " + quoted(each.plan.name) +
                                                        " does not allocate it");
  }
  if (const PoolState* const leaves = pool == nullptr ? leavingOut(pools, address) : nullptr) {
    return refuse(RefusalReason::kAddressNotInPool,
                  address.toString() + " is the first or last address of a prefix of Pool " +
                      quoted(leaves->plan.name) + ", which leaves it out: see its allowFirstLast");
  }
  if (pool == nullptr) {
    const std::string where =
        poolName.empty() ? "no ready Pool has" : "Pool " + quoted(poolName) + " does not have";
    return refuse(RefusalReason::kAddressNotInPool,
                  where + " the requested address " + address.toString());
  }
  if (pool->space.avoids(address)) {
    return refuse(RefusalReason::kAddressNotInPool, avoidedBecause(*pool, address));
  }
  if (auto refusal = admissionRefusal(*pool, requester)) {
    return tl::make_unexpected(std::move(*refusal));
  }
  return pool;
}

}  // namespace barevip::assigner
