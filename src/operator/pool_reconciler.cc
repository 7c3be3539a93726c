// SPDX-License-Identifier: Apache-2.0
#include "operator/pool_reconciler.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "operator/status_writes.h"

namespace barevip::controlplane {
namespace {

using assigner::Allocator;
using assigner::Holder;
using assigner::PoolHolder;
using kube::ReconcileResult;

bool holdsBack(const model::Pool& pool) {
  return std::find(pool.finalizers.begin(), pool.finalizers.end(), model::kPoolFinalizer) !=
         pool.finalizers.end();
}

}  // namespace

PoolReconciler::PoolReconciler(kube::Api& api, const Clock& clock, View view,
                               assigner::Ledger& ledger, Changed changed)
    : api_(api), clock_(clock), view_(view), ledger_(ledger), changed_(std::move(changed)) {}

std::optional<std::vector<PoolHolder>> PoolReconciler::refresh() {
  const auto stored = view_.pools.all();
  std::map<std::string, Version> versions;
  for (const auto& pool : stored) {
    versions.emplace(pool->key.name, Version{pool->uid, pool->generation, pool->deleting});
  }
  if (versions == applied_) return std::nullopt;
  std::vector<model::Pool> pools;
  pools.reserve(stored.size());
  for (const auto& pool : stored) pools.push_back(*pool);
  std::set<std::string> changed;
  const auto noteDifferent = [&changed](const auto& these, const auto& those) {
    for (const auto& [name, version] : these) {
      const auto other = those.find(name);
      if (other == those.end() || other->second != version) changed.insert(name);
    }
  };
  noteDifferent(versions, applied_);
  noteDifferent(applied_, versions);
  applied_ = std::move(versions);

  auto plans = assigner::planPools(pools);
  return ledger_.with([&](Allocator& allocator) {
    // By a change of one Pool another one that overlaps it may begin to give, or cease.
    for (const assigner::PoolPlan& plan : plans) {
      const assigner::PoolState* const before = allocator.pools().find(plan.name);
      if (before != nullptr && before->gives() == plan.fault.has_value()) changed.insert(plan.name);
    }
    auto concerned = concernedBy(allocator.pools(), allocator.holds(), changed);
    allocator.setPools(std::move(plans));
    const auto now = concernedBy(allocator.pools(), allocator.holds(), changed);
    concerned.insert(concerned.end(), now.begin(), now.end());
    return concerned;
  });
}

Result<ReconcileResult> PoolReconciler::reconcile(const kube::ObjectKey& key,
                                                  const std::stop_token& stop) {
  if (const auto concerned = refresh()) changed_(*concerned);
  const auto pool = view_.pools.get(key);
  if (!pool) return ReconcileResult{};
  const auto done = update(*pool, stop);
  if (done) return ReconcileResult{};
  // Gone or changed since: the watch tells, and the Pool is looked at again.
  const ErrorCode code = done.error().code;
  if (code == ErrorCode::kNotFound || code == ErrorCode::kConflict) return ReconcileResult{};
  return tl::make_unexpected(done.error());
}

Result<void> PoolReconciler::update(model::Pool pool, const std::stop_token& stop) {
  const auto report = reportOf(pool);
  if (!report) return {};  // came just now: there is an event on its way
  // The plan, too: as long as the ledger does not know of the deletion, addresses are given.
  if (pool.deleting && report->plan.deleting && report->holders.empty() && holdsBack(pool)) {
    std::erase(pool.finalizers, model::kPoolFinalizer);
    const auto gone = patchPoolFinalizers(api_, pool, pool.finalizers, stop);
    if (!gone) return tl::make_unexpected(gone.error());
    return {};
  }
  if (!pool.deleting && !holdsBack(pool)) {
    pool.finalizers.emplace_back(model::kPoolFinalizer);
    auto held = patchPoolFinalizers(api_, pool, pool.finalizers, stop);
    if (!held) return tl::make_unexpected(std::move(held.error()));
    pool = std::move(*held);
  }
  const auto status = poolStatus(pool, *report, clock_.wallNow());
  if (status == pool.status) return {};
  return patchPoolStatus(api_, pool, status, clock_.wallNow(), stop);
}

std::optional<PoolReport> PoolReconciler::reportOf(const model::Pool& pool) {
  const std::string& name = pool.key.name;
  auto report = ledger_.with([&](Allocator& allocator) -> std::optional<PoolReport> {
    const assigner::PoolState* const state = allocator.pools().find(name);
    if (state == nullptr) return std::nullopt;
    PoolReport found{state->plan, allocator.usage(name), {}, {}};
    if (state->plan.deleting || !state->plan.admission.open()) {
      found.holders = holdersOf(allocator.pools(), allocator.holds(), name);
    }
    return found;
  });
  if (!report || report->plan.deleting) return report;
  std::set<IpAddress> outside;
  for (const auto& [address, holder] : report->usage.outside) outside.insert(address);
  for (PoolHolder& each : std::exchange(report->holders, {})) {
    const bool refused = !outside.contains(each.address) && refuses(report->plan.admission, each);
    if (refused) report->notAdmitted.push_back(std::move(each));
  }
  return report;
}

// Whoever is not in the stores (yet) is not refused.
bool PoolReconciler::refuses(const assigner::Admission& admission, const PoolHolder& holder) const {
  const auto refused = [&](const auto& object) {
    if (!object) return false;
    const auto ns = view_.namespaces.get({"", object->key.ns});
    return admission.refusal(assigner::applicantOf(*object, ns.get())).has_value();
  };
  const kube::ObjectKey& key = holder.holder.key;
  if (holder.holder.kind == Holder::Kind::kService) return refused(view_.services.get(key));
  return refused(view_.claims.get(key)) ||
         std::any_of(holder.users.begin(), holder.users.end(), [&](const kube::ObjectKey& user) {
           return refused(view_.services.get(user));
         });
}

}  // namespace barevip::controlplane
