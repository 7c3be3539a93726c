// SPDX-License-Identifier: Apache-2.0
#include "operator/pool_reconciler.h"

#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/rfc3339.h"
#include "operator/status_writes.h"

namespace barevip::controlplane {
namespace {

using assigner::PoolPlan;
using assigner::PoolUsage;
using model::Condition;

constexpr std::size_t kMaxNamed = 10;              // holders that a message names
constexpr Uint128 kExactBelow = 1'000'000'000ULL;  // larger counts are rounded for people

std::string forPeople(Uint128 count) {
  if (count < kExactBelow) return toString(count);
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.1e", static_cast<double>(count));
  return {text.data(), static_cast<std::size_t>(size)};
}

// "3", or "3 IPv4, 1 IPv6" for a Pool of both families.
std::string forPeople(const PoolUsage& usage, Uint128 PoolUsage::Counts::*member) {
  const bool four = usage.ipv4.capacity != 0 || usage.ipv4.allocated != 0;
  const bool six = usage.ipv6.capacity != 0 || usage.ipv6.allocated != 0;
  if (four && six) {
    return forPeople(usage.ipv4.*member) + " IPv4, " + forPeople(usage.ipv6.*member) + " IPv6";
  }
  return forPeople(six ? usage.ipv6.*member : usage.ipv4.*member);
}

model::Pool::Counts countsOf(const PoolUsage& usage, Uint128 PoolUsage::Counts::*member) {
  return {toString(usage.ipv4.*member), toString(usage.ipv6.*member)};
}

std::string holdersOutside(const PoolUsage& usage) {
  std::string text = "these holders keep addresses that the Pool no longer has: ";
  for (std::size_t i = 0; i < usage.outside.size() && i < kMaxNamed; ++i) {
    const auto& [address, holder] = usage.outside[i];
    text += (i == 0 ? "" : ", ") + address.toString() + " (" + holder.toString() + ")";
  }
  if (usage.outside.size() > kMaxNamed) {
    text += " and " + std::to_string(usage.outside.size() - kMaxNamed) + " more";
  }
  return text;
}

Condition readyCondition(const PoolPlan& plan, const PoolUsage& usage) {
  Condition condition{"Ready", plan.fault ? "False" : "True", "Ready", "the Pool gives addresses"};
  if (plan.fault) {
    condition.reason = plan.fault->reason;
    condition.message = plan.fault->message;
  }
  if (usage.outside.empty()) return condition;
  if (!plan.fault) {
    condition.reason = "HoldersOutside";
    condition.message.clear();
  } else {
    condition.message += "; ";
  }
  condition.message += holdersOutside(usage);
  return condition;
}

Condition overlapCondition(const PoolPlan& plan) {
  if (!plan.overlap) {
    return {"Overlapping", "False", "NoOverlap", "each address is in one entry of one Pool"};
  }
  return {"Overlapping", "True", plan.overlap->reason, plan.overlap->message};
}

}  // namespace

model::Pool::Status poolStatus(const model::Pool& pool, const PoolPlan& plan,
                               const PoolUsage& usage, WallTime now) {
  model::Pool::Status status;
  status.capacity = countsOf(usage, &PoolUsage::Counts::capacity);
  status.allocated = countsOf(usage, &PoolUsage::Counts::allocated);
  status.available = countsOf(usage, &PoolUsage::Counts::available);
  status.inUse = forPeople(usage, &PoolUsage::Counts::allocated);
  status.free = forPeople(usage, &PoolUsage::Counts::available);
  status.conditions = pool.status.conditions;
  for (Condition condition : {readyCondition(plan, usage), overlapCondition(plan)}) {
    condition.observedGeneration = pool.generation;
    model::setCondition(status.conditions, std::move(condition), formatSeconds(now));
  }
  return status;
}

PoolReconciler::PoolReconciler(kube::Api& api, const Clock& clock,
                               const kube::Store<model::Pool>& pools, assigner::Ledger& ledger,
                               std::function<void()> changed)
    : api_(api), clock_(clock), pools_(pools), ledger_(ledger), changed_(std::move(changed)) {}

bool PoolReconciler::refresh() {
  std::vector<model::Pool> pools;
  std::map<std::string, Version> versions;
  for (const auto& pool : pools_.all()) {
    versions.emplace(pool->key.name, Version{pool->uid, pool->generation, pool->deleting});
    pools.push_back(*pool);
  }
  if (versions == applied_) return false;
  auto plans = assigner::planPools(pools);
  ledger_.with([&](assigner::Allocator& allocator) { allocator.setPools(std::move(plans)); });
  applied_ = std::move(versions);
  return true;
}

Result<kube::ReconcileResult> PoolReconciler::reconcile(const kube::ObjectKey& key,
                                                        const std::stop_token& stop) {
  if (refresh()) changed_();
  const auto pool = pools_.get(key);
  if (!pool) return kube::ReconcileResult{};
  const auto status =
      ledger_.with([&](assigner::Allocator& allocator) -> std::optional<model::Pool::Status> {
        const assigner::PoolState* const state = allocator.pools().find(key.name);
        if (state == nullptr) return std::nullopt;  // came just now: there is an event on its way
        return poolStatus(*pool, state->plan, allocator.usage(key.name), clock_.wallNow());
      });
  if (!status || *status == pool->status) return kube::ReconcileResult{};
  const auto patched = patchPoolStatus(api_, *pool, *status, clock_.wallNow(), stop);
  if (!patched && patched.error().code != ErrorCode::kNotFound) {
    return tl::make_unexpected(patched.error());
  }
  return kube::ReconcileResult{};
}

}  // namespace barevip::controlplane
