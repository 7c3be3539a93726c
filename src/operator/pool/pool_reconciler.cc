// SPDX-License-Identifier: Apache-2.0
#include "operator/pool/pool_reconciler.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "operator/pool/pool_writes.h"

namespace barevip::controlplane {
namespace {

using assigner::Allocator;
using assigner::Consumer;
using assigner::PoolConsumer;
using kube::ReconcileResult;

bool holdsBack(const model::Pool& pool) {
  return std::find(pool.finalizers.begin(), pool.finalizers.end(), model::kPoolFinalizer) !=
         pool.finalizers.end();
}

}  // namespace

PoolReconciler::PoolReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events,
                               View view, assigner::SharedAllocator& shared, Changed changed)
    : api_(api),
      clock_(clock),
      events_(events),
      view_(view),
      allocator_(shared),
      changed_(std::move(changed)),
      pace_(clock) {}

std::optional<std::vector<PoolConsumer>> PoolReconciler::refresh() {
  const std::pair revisions{view_.pools.revision(), view_.clusterUse.revision()};
  if (seen_ == revisions) return std::nullopt;
  const bool sameUse = seen_.second == revisions.second;
  const auto stored = view_.pools.all();
  std::map<std::string, Version> versions;
  for (const auto& pool : stored) {
    versions.emplace(pool->key.name, versionOf(*pool));
  }
  if (versions == applied_ && (sameUse || view_.clusterUse.within(ranges_) == used_)) {
    seen_ = revisions;
    return std::nullopt;
  }
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

  auto plans = assigner::planPools(pools);
  ranges_ = assigner::addressesOf(plans);
  used_ = view_.clusterUse.within(ranges_);
  assigner::leaveOut(used_, plans);
  // Who has an address that the cluster uses since, or uses no more, says so.
  for (const assigner::PoolPlan& plan : plans) {
    const auto before = usedOf_.find(plan.name);
    const bool had = before != usedOf_.end();
    if (had ? before->second != plan.used : !plan.used.empty()) changed.insert(plan.name);
  }
  usedOf_.clear();
  for (const assigner::PoolPlan& plan : plans) {
    if (!plan.used.empty()) usedOf_.emplace(plan.name, plan.used);
  }
  auto concerned = allocator_.with([&](Allocator& allocator) {
    // By a change of one Pool another one that overlaps it may begin to give, or cease.
    for (const assigner::PoolPlan& plan : plans) {
      const assigner::PoolState* const before = allocator.pools().find(plan.name);
      if (before != nullptr && before->gives() == plan.fault.has_value()) changed.insert(plan.name);
    }
    auto consumers = consumersAffectedBy(allocator.pools(), allocator.allocations(), changed);
    allocator.setPools(std::move(plans));
    const auto now = consumersAffectedBy(allocator.pools(), allocator.allocations(), changed);
    consumers.insert(consumers.end(), now.begin(), now.end());
    return consumers;
  });
  applied_ = std::move(versions);
  seen_ = revisions;
  return concerned;
}

Result<ReconcileResult> PoolReconciler::reconcile(const kube::ObjectKey& key,
                                                  const std::stop_token& stop) {
  if (const auto concerned = refresh()) changed_(*concerned);
  const auto pool = view_.pools.get(key);
  // It came or changed just now: there is an event on its way. What the allocator says is of the
  // spec before, and must not be written as the verdict on this one.
  if (!pool) pace_.forget(key);
  if (!pool || !isApplied(*pool)) return ReconcileResult{};
  auto done = update(*pool, stop);
  if (done) return done;
  // Gone or changed since: the watch tells, and the Pool is looked at again.
  const ErrorCode code = done.error().code;
  if (code == ErrorCode::kNotFound || code == ErrorCode::kConflict) return ReconcileResult{};
  return done;
}

PoolReconciler::Version PoolReconciler::versionOf(const model::Pool& pool) {
  return {pool.uid, pool.generation, pool.deleting};
}

bool PoolReconciler::isApplied(const model::Pool& pool) const {
  const auto applied = applied_.find(pool.key.name);
  return applied != applied_.end() && applied->second == versionOf(pool);
}

Result<ReconcileResult> PoolReconciler::update(model::Pool pool, const std::stop_token& stop) {
  const PoolReport report = reportOf(pool);
  if (pool.deleting && report.consumers.empty() && holdsBack(pool)) {
    std::erase(pool.finalizers, model::kPoolFinalizer);
    const auto gone = patchPoolFinalizers(api_, pool, pool.finalizers, stop);
    if (!gone) return tl::make_unexpected(gone.error());
    return ReconcileResult{};
  }
  if (!pool.deleting && !holdsBack(pool)) {
    pool.finalizers.emplace_back(model::kPoolFinalizer);
    auto held = patchPoolFinalizers(api_, pool, pool.finalizers, stop);
    if (!held) return tl::make_unexpected(std::move(held.error()));
    pool = std::move(*held);
  }
  const auto status = poolStatus(pool, report, clock_.wallNow());
  if (status == pool.status) {
    pace_.agrees(pool.key);
    return ReconcileResult{};
  }
  const std::string wanted = fingerprintOf(pool, status);
  const auto verdict = pace_.differs(pool.key, pool.resourceVersion, wanted);
  if (verdict.contended)
    events_.emit(assigner::overwrittenEvent(kube::kPools, pool.key, pool.uid, "Allocate", "Pool"));
  if (verdict.wait.count() > 0) return ReconcileResult{verdict.wait};
  const auto patched = patchPoolStatus(api_, pool, status, clock_.wallNow(), stop);
  if (!patched) return tl::make_unexpected(patched.error());
  pace_.wrote(pool.key, pool.resourceVersion, wanted);
  if (!verdict.overwritten) tell(pool, status);
  return ReconcileResult{};
}

void PoolReconciler::tell(const model::Pool& pool, const model::Pool::Status& status) {
  for (const model::Condition& condition : newsOf(pool.status, status)) {
    const bool good = isGood(condition);
    events_.emit({kube::kPools, pool.key, pool.uid,
                  good ? kube::Event::Type::kNormal : kube::Event::Type::kWarning, condition.reason,
                  "Allocate", condition.message});
  }
}

PoolReport PoolReconciler::reportOf(const model::Pool& pool) {
  const std::string& name = pool.key.name;
  PoolReport report = allocator_.with([&](Allocator& allocator) {
    const assigner::PoolState* const state = allocator.pools().find(name);
    PoolReport found{state->plan, allocator.usage(name), {}, {}};
    if (state->plan.deleting || !state->plan.admission.open()) {
      found.consumers = consumersIn(allocator.allocations(), allocator.ofPool(name));
    }
    return found;
  });
  if (report.plan.deleting) return report;
  std::set<IpAddress> outside;
  for (const auto& [address, consumer] : report.usage.outside) outside.insert(address);
  for (PoolConsumer& each : std::exchange(report.consumers, {})) {
    const bool refused = !outside.contains(each.address) && refuses(report.plan.admission, each);
    if (refused) report.notAdmitted.push_back(std::move(each));
  }
  return report;
}

// Whoever is not in the stores (yet) is not refused.
bool PoolReconciler::refuses(const assigner::Admission& admission,
                             const PoolConsumer& consumer) const {
  const auto refused = [&](const auto& object) {
    if (!object) return false;
    const auto ns = view_.namespaces.get({"", object->key.ns});
    return admission.refusal(assigner::requesterOf(*object, ns.get())).has_value();
  };
  const kube::ObjectKey& key = consumer.consumer.key;
  if (consumer.consumer.kind == Consumer::Kind::kService) return refused(view_.services.get(key));
  return refused(view_.ipObjects.get(key)) ||
         std::any_of(
             consumer.users.begin(), consumer.users.end(),
             [&](const kube::ObjectKey& user) { return refused(view_.services.get(user)); });
}

}  // namespace barevip::controlplane
