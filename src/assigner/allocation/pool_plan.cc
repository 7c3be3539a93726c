// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "barevip/base/result.h"

namespace barevip::assigner {
namespace {

std::string entryName(const char* list, std::size_t index) {
  return "spec." + std::string(list) + "[" + std::to_string(index) + "]";
}

Result<std::vector<IpRange>> parseEntries(const char* list,
                                          const std::vector<std::string>& entries) {
  std::vector<IpRange> ranges;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto range = IpRange::parse(entries[i]);
    if (!range) {
      return fail(ErrorCode::kInvalid, entryName(list, i) + ": " + range.error().message);
    }
    ranges.push_back(*range);
  }
  return ranges;
}

// The sentence about the first two entries of one Pool that overlap, if any.
std::optional<std::string> overlapWithin(const std::vector<std::string>& entries,
                                         const std::vector<IpRange>& ranges) {
  for (std::size_t later = 1; later < ranges.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (!ranges[later].overlaps(ranges[earlier])) continue;
      return entryName("addresses", later) + " \"" + entries[later] + "\" overlaps " +
             entryName("addresses", earlier) + " \"" + entries[earlier] +
             "\": each address may stand in one entry only";
    }
  }
  return std::nullopt;
}

// Of an entry that is a prefix: the network's and the broadcast address of IPv4, which hosts of
// that network do not take for a host's; the subnet-router anycast address of IPv6 (RFC
// 4291 2.6.1), for which each router of the network answers. Two addresses or one have neither (RFC
// 3021, RFC 6164).
std::vector<IpRange> firstAndLast(const std::string& entry, const IpRange& range) {
  if (entry.find('/') == std::string::npos || range.sizeMinusOne() < 2) return {};
  std::vector<IpRange> result{{range.first, range.first}};
  if (range.family() == Family::kIpv4) result.push_back({range.last, range.last});
  return result;
}

void leaveFirstAndLastOut(const model::Pool& pool, const std::vector<IpRange>& ranges,
                          PoolPlan& plan) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (const IpRange& each : firstAndLast(pool.addresses[i], ranges[i])) {
      if (!plan.addresses.contains(each.first)) continue;
      plan.addresses.subtract(each);
      plan.firstLast.add(each);
    }
  }
}

void planAddresses(const model::Pool& pool, PoolPlan& plan) {
  const auto included = parseEntries("addresses", pool.addresses);
  const auto excluded = parseEntries("exclude", pool.exclude);
  if (!included || !excluded) {
    plan.fault =
        ConditionReason{"BadEntry", (included ? excluded.error() : included.error()).message};
    return;
  }
  for (const IpRange& range : *included) plan.addresses.add(range);
  for (const IpRange& range : *excluded) plan.addresses.subtract(range);
  removeUnusable(plan.addresses);
  if (!pool.allowFirstLast) leaveFirstAndLastOut(pool, *included, plan);
  if (const auto overlap = overlapWithin(pool.addresses, *included)) {
    plan.fault = plan.overlap = ConditionReason{"Overlapping", *overlap};
  } else if (plan.addresses.empty()) {
    plan.fault = ConditionReason{
        "NoAddresses",
        "no entry of spec.addresses has an address that can be allocated: loopback, link-local, "
        "multicast and unspecified addresses and those of spec.exclude are left out"};
  }
}

PoolPlan planPool(const model::Pool& pool) {
  PoolPlan plan;
  plan.name = pool.key.name;
  plan.priority = pool.priority;
  plan.creationSeconds = pool.creationSeconds;
  plan.autoAssign = pool.autoAssign;
  plan.deleting = pool.deleting;
  plan.avoid = {pool.avoidBuggyIps, pool.avoidGatewayIps};
  plan.allowSharing = pool.allowSharing;
  plan.reuseDelay = pool.reuseDelay;
  plan.maxPerNamespace = pool.maxPerNamespace;
  plan.admission = Admission::of(pool);
  planAddresses(pool, plan);
  if (pool.deleting) plan.fault = ConditionReason{"Deleting", "the Pool is being deleted"};
  return plan;
}

// Oldest first: each Pool is compared with those before it that work.
void findOverlaps(std::vector<PoolPlan>& plans) {
  std::sort(plans.begin(), plans.end(), [](const PoolPlan& a, const PoolPlan& b) {
    return std::tie(a.creationSeconds, a.name) < std::tie(b.creationSeconds, b.name);
  });
  for (auto plan = plans.begin(); plan != plans.end(); ++plan) {
    for (auto older = plans.begin(); older != plan && !plan->fault; ++older) {
      if (older->fault) continue;
      const auto common = plan->addresses.firstOverlap(older->addresses);
      if (!common) continue;
      plan->fault = plan->overlap = ConditionReason{
          "Overlapping", common->toString() + " belongs to the older Pool \"" + older->name +
                             "\": take it out of one of the two, for example by spec.exclude"};
      older->overlap = ConditionReason{
          "Overlapping", "the younger Pool \"" + plan->name + "\" also has " + common->toString() +
                             " and allocates no address until one of the two drops it"};
    }
  }
}

}  // namespace

std::vector<PoolPlan> planPools(const std::vector<model::Pool>& pools) {
  std::vector<PoolPlan> plans;
  plans.reserve(pools.size());
  for (const model::Pool& pool : pools) plans.push_back(planPool(pool));
  findOverlaps(plans);
  std::sort(plans.begin(), plans.end(), [](const PoolPlan& a, const PoolPlan& b) {
    return std::tuple(a.priority, !a.admission.pinned(), std::string_view(a.name)) <
           std::tuple(b.priority, !b.admission.pinned(), std::string_view(b.name));
  });
  return plans;
}

AddressSet addressesOf(const std::vector<PoolPlan>& plans) {
  AddressSet all;
  for (const PoolPlan& plan : plans) {
    for (const IpRange& range : plan.addresses.ranges()) all.add(range);
  }
  return all;
}

void leaveOut(const std::vector<ClusterUser>& used, std::vector<PoolPlan>& plans) {
  for (PoolPlan& plan : plans) {
    for (const ClusterUser& user : used) {
      AddressSet range;
      range.add(user.range);
      if (!plan.addresses.firstOverlap(range) && !userOf(plan, user.range.first)) continue;
      plan.addresses.subtract(user.range);
      plan.used.push_back(user);
    }
    if (plan.fault || !plan.addresses.empty()) continue;
    plan.fault =
        ConditionReason{"NoAddresses", "the cluster itself uses all addresses of the Pool"};
  }
}

const ClusterUser* userOf(const PoolPlan& plan, const IpAddress& address) {
  const auto it = std::find_if(plan.used.begin(), plan.used.end(), [&](const ClusterUser& user) {
    return user.range.contains(address);
  });
  return it == plan.used.end() ? nullptr : &*it;
}

}  // namespace barevip::assigner
