// SPDX-License-Identifier: Apache-2.0
#include "assigner/candidates.h"

#include <optional>
#include <utility>
#include <vector>

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
    return refuse(RefusalReason::kNoPool, "the Pool " + quoted(name) +
                                              " that is asked for does not exist: create it or "
                                              "ask for another");
  }
  if (!pool->gives()) {
    return refuse(RefusalReason::kPoolNotReady,
                  "the Pool " + quoted(name) +
                      " that is asked for is not ready: " + pool->plan.fault->message);
  }
  return pool;
}

// Why automatic assignment finds no Pool at all.
Refusal noCandidate(const PoolTable& pools, const Applicant& applicant) {
  if (pools.all().empty()) {
    return {RefusalReason::kNoPool, "there is no Pool: create one with addresses that you own"};
  }
  std::vector<std::string> refusals;
  std::vector<std::string> faults;
  for (const PoolState& pool : pools.all()) {
    const std::string name = "Pool " + quoted(pool.plan.name);
    if (!pool.gives()) {
      faults.push_back(name + ": " + pool.plan.fault->message);
    } else if (const auto why = pool.plan.admission.refusal(applicant)) {
      refusals.push_back(name + ": " + *why);
    } else {
      refusals.push_back(name +
                         ": it gives on request only (autoAssign is false): set annotation "
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

}  // namespace

std::optional<Refusal> admissionRefusal(const PoolState& pool, const Applicant& applicant) {
  const auto why = pool.plan.admission.refusal(applicant);
  if (!why) return std::nullopt;
  return Refusal{RefusalReason::kNoPoolAdmits,
                 "Pool " + quoted(pool.plan.name) + " does not admit this: " + *why};
}

std::optional<std::string> refusalToJoin(const PoolTable& pools, const IpAddress& address,
                                         const Hold& hold, const kube::ObjectKey& service) {
  const PoolState* const pool = pools.find(pools.home(address, hold.givenFrom()));
  if (pool == nullptr) return std::nullopt;
  return refusalToJoin(service, hold.users, pool->plan.name, pool->plan.allowSharing);
}

Chosen<Candidates> candidatesFor(const PoolTable& pools, const Applicant& applicant,
                                 const std::string& poolName) {
  if (!poolName.empty()) {
    const auto pool = poolByName(pools, poolName);
    if (!pool) return tl::make_unexpected(pool.error());
    if (auto refusal = admissionRefusal(**pool, applicant)) {
      return tl::make_unexpected(std::move(*refusal));
    }
    return Candidates{*pool};
  }
  Candidates found;
  for (const PoolState& pool : pools.all()) {
    if (pool.gives() && pool.plan.autoAssign && !pool.plan.admission.refusal(applicant)) {
      found.push_back(&pool);
    }
  }
  if (found.empty()) return tl::make_unexpected(noCandidate(pools, applicant));
  return found;
}

Chosen<FreeAddress> lowestOf(const Candidates& candidates, Family family) {
  Candidates having;
  for (const PoolState* const pool : candidates) {
    if (const auto address = pool->space.lowestFree(family)) {
      return FreeAddress{*address, pool};
    }
    if (pool->space.capacity(family) != 0) having.push_back(pool);
  }
  const std::string name(toString(family));
  if (having.empty()) {
    return refuse(RefusalReason::kFamilyMissing,
                  "no Pool that admits this has " + name + " addresses: " + namesOf(candidates));
  }
  return refuse(RefusalReason::kPoolExhausted,
                "all " + name + " addresses are held of Pool " + namesOf(having));
}

Chosen<const PoolState*> poolOf(const PoolTable& pools, const Applicant& applicant,
                                const IpAddress& address, const std::string& poolName) {
  const PoolState* pool = pools.having(address);
  if (!poolName.empty()) {
    const auto named = poolByName(pools, poolName);
    if (!named) return named;
    pool = (*named)->space.addresses().contains(address) ? *named : nullptr;
  }
  if (pool == nullptr) {
    const std::string where =
        poolName.empty() ? "no Pool that is ready" : "Pool " + quoted(poolName);
    return refuse(RefusalReason::kAddressNotInPool,
                  where + " has the address " + address.toString() + " that is asked for");
  }
  if (pool->space.avoids(address)) {
    return refuse(RefusalReason::kAddressNotInPool, avoidedBecause(*pool, address));
  }
  if (auto refusal = admissionRefusal(*pool, applicant)) {
    return tl::make_unexpected(std::move(*refusal));
  }
  return pool;
}

}  // namespace barevip::assigner
