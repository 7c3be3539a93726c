// SPDX-License-Identifier: Apache-2.0
#include "cli/view/plan.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "assigner/allocation/policy_violation.h"
#include "assigner/allocation/pool_consumers.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/reservation.h"
#include "cli/view/allocation.h"

namespace barevip::cli {
namespace {

using assigner::Allocator;
using assigner::Consumer;
using assigner::PoolConsumer;
using assigner::PoolPlan;
using Allocation = EditReport::Allocation;

Result<std::vector<model::Pool>> edited(const view::Cluster& cluster, const PoolEdit& edit) {
  std::map<std::string, model::Pool> pools;
  std::int64_t youngest = 0;
  for (const auto& pool : cluster.state.pools) {
    youngest = std::max(youngest, pool->creationSeconds);
    pools.emplace(pool->key.name, *pool);
  }
  for (model::Pool pool : edit.applied) {
    const auto before = pools.find(pool.key.name);
    pool.creationSeconds = before == pools.end() ? youngest + 1 : before->second.creationSeconds;
    pools.insert_or_assign(pool.key.name, std::move(pool));
  }
  for (const std::string& name : edit.deleted) {
    const auto pool = pools.find(name);
    if (pool == pools.end()) {
      return fail(ErrorCode::kNotFound,
                  "there is no Pool \"" + name + "\": kubectl get pools lists them");
    }
    pool->second.deleting = true;
  }
  std::vector<model::Pool> all;
  all.reserve(pools.size());
  for (auto& [name, pool] : pools) all.push_back(std::move(pool));
  return all;
}

/// Who waits would get what, oldest first, as the operator serves them. By address and consumer.
class Waiters {
 public:
  Waiters(const view::Cluster& cluster, Allocator allocator)
      : cluster_(cluster), allocator_(std::move(allocator)) {}

  std::vector<Allocation> serve() {
    using Age = std::pair<std::int64_t, kube::ObjectKey>;
    std::map<Age, std::shared_ptr<const model::Service>> services;
    std::map<Age, std::shared_ptr<const model::IpObject>> reservations;
    for (const auto& each : cluster_.state.services) {
      if (!each->deleting) services.emplace(Age{each->creationSeconds, each->key}, each);
    }
    for (const auto& each : cluster_.state.ipObjects) {
      const bool waits = !each->serviceOwner && !each->deleting &&
                         !allocator_.allocations().ofReservation(each->key);
      if (waits) reservations.emplace(Age{each->creationSeconds, each->key}, each);
    }
    for (const auto& [age, ipObject] : reservations) reserve(*ipObject);
    for (const auto& [age, service] : services) allocate(service);
    return std::move(gains_);
  }

 private:
  void reserve(const model::IpObject& ipObject) {
    const auto wish =
        assigner::reservationOf(ipObject, namespaceOf(cluster_, ipObject.key.ns).get());
    if (!wish) return;
    const auto got = allocator_.reserve(*wish);
    if (got)
      gains_.push_back({got->address.toString(), "IP " + ipObject.key.toString(), got->pool, {}});
  }

  void allocate(const std::shared_ptr<const model::Service>& service) {
    const assigner::ServicePlan plan = decideFor(cluster_, allocator_, service);
    if (plan.gained.empty()) return;
    allocator_.grant({service->key, assigner::termsOf(*service)}, plan.choice);
    for (const assigner::Assignment& each : plan.choice.addresses) {
      if (std::find(plan.gained.begin(), plan.gained.end(), each.address) == plan.gained.end()) {
        continue;
      }
      gains_.push_back(
          {each.address.toString(), "Service " + service->key.toString(), each.pool, {}});
    }
  }

  const view::Cluster& cluster_;
  Allocator allocator_;
  std::vector<Allocation> gains_;
};

/// Compares two allocators that differ in their Pools only.
class Comparison {
 public:
  Comparison(const view::Cluster& cluster, Allocator before, Allocator after,
             std::set<std::string> changed)
      : cluster_(cluster),
        before_(std::move(before)),
        after_(std::move(after)),
        changed_(std::move(changed)) {}

  EditReport run() {
    for (const assigner::PoolState& pool : after_.pools().all()) compare(pool.plan);
    std::set<std::pair<IpAddress, std::string>> seen;
    for (const Allocator* const each : {&before_, &after_}) {
      for (const PoolConsumer& one :
           consumersAffectedBy(each->pools(), each->allocations(), changed_)) {
        if (seen.insert({one.address, one.consumer.toString()}).second) compare(one);
      }
    }
    gains();
    return std::move(report_);
  }

 private:
  void compare(const PoolPlan& plan) {
    const assigner::PoolState* const before = before_.pools().find(plan.name);
    static const PoolPlan kNothing;
    const PoolPlan& was = before == nullptr ? kNothing : before->plan;
    if (plan.fault && plan.fault != was.fault) {
      report_.faults.push_back({plan.name, plan.fault->message});
    }
    if (plan.overlap && plan.overlap != was.overlap && plan.overlap != plan.fault) {
      report_.faults.push_back({plan.name, plan.overlap->message});
    }
    for (const assigner::ClusterUser& user : plan.used) {
      if (std::find(was.used.begin(), was.used.end(), user) != was.used.end()) continue;
      report_.faults.push_back({plan.name, "does not allocate " + user.range.toString() +
                                               ", which the cluster itself uses (" + user.who +
                                               ")"});
    }
  }

  [[nodiscard]] std::optional<assigner::Requester> requesterOf(const Consumer& consumer) const {
    const auto ns = namespaceOf(cluster_, consumer.key.ns);
    const auto find = [&](const auto& objects) {
      const auto found = std::find_if(objects.begin(), objects.end(),
                                      [&](const auto& each) { return each->key == consumer.key; });
      return found == objects.end() ? std::nullopt
                                    : std::optional(assigner::requesterOf(**found, ns.get()));
    };
    switch (consumer.kind) {
      case Consumer::Kind::kService:
        return find(cluster_.state.services);
      case Consumer::Kind::kReservation:
        return find(cluster_.state.ipObjects);
      case Consumer::Kind::kForeign:
      case Consumer::Kind::kResting:
        break;
    }
    return std::nullopt;
  }

  void compare(const PoolConsumer& one) {
    const auto requester = requesterOf(one.consumer);
    if (!requester) return;
    const std::string& from = before_.allocations().find(one.address)->sourcePool();
    const std::string was = before_.pools().home(one.address, from);
    const std::string now = after_.pools().home(one.address, from);
    Allocation allocation{one.address.toString(), one.consumer.toString(), now, {}};
    const bool fitted = !violationOf(before_.pools(), one.address, was, *requester);
    const auto violation = violationOf(after_.pools(), one.address, now, *requester);
    if (violation && fitted) {
      allocation.message = violation->message;
      report_.orphans.push_back(std::move(allocation));
    } else if (was != now) {
      allocation.message = "Pool \"" + was + "\" counts it now";
      report_.recounts.push_back(std::move(allocation));
    } else {
      ++report_.keeps;
    }
  }

  // Those who would get an address anyway do not count.
  void gains() {
    std::set<std::string> anyway;
    for (const Allocation& each : Waiters(cluster_, before_).serve()) anyway.insert(each.consumer);
    for (Allocation& each : Waiters(cluster_, after_).serve()) {
      if (!anyway.contains(each.consumer)) report_.gains.push_back(std::move(each));
    }
  }

  const view::Cluster& cluster_;
  const Allocator before_;
  const Allocator after_;
  const std::set<std::string> changed_;
  EditReport report_;
};

}  // namespace

Result<EditReport> planEdit(const view::Cluster& cluster, const PoolEdit& edit) {
  const auto pools = edited(cluster, edit);
  if (!pools) return tl::make_unexpected(pools.error());
  std::set<std::string> changed(edit.deleted.begin(), edit.deleted.end());
  for (const model::Pool& pool : edit.applied) changed.insert(pool.key.name);
  Allocator before = restored(cluster);
  Allocator after = before;
  after.setPools(plansOf(cluster, *pools));
  return Comparison(cluster, std::move(before), std::move(after), std::move(changed)).run();
}

}  // namespace barevip::cli
