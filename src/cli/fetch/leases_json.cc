// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

#include "cli/fetch/leases.h"
#include "common/base/rfc3339.h"
#include "common/base/stop_at.h"
#include "common/kube/list_into.h"
#include "common/model/node_json.h"
#include "ipvsnode/membership/lease_reading.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::cli {
namespace {

constexpr std::chrono::milliseconds kLookInterval{500};

}  // namespace

Result<void> LeaseWatch::begin(const std::stop_token& stop) {
  began_ = clock_.now();
  auto looked = look(stop);
  if (!looked) return looked;
  for (const auto& lease : leases_) renewedFirst_.emplace(lease->key, lease->renewTime);
  if (leaderLease_) renewedFirst_.emplace(leaderLease_->key, leaderLease_->renewTime);
  return {};
}

Result<LeaseWatch::Found> LeaseWatch::finish(const std::stop_token& stop) {
  // Once more in any case: what was asked for meanwhile may have taken longer than the patience.
  while (hasDoubts()) {
    if (auto looked = look(stop); !looked) return tl::make_unexpected(looked.error());
    const bool patient = clock_.now() - began_ < node::kLeaseDuration;
    if (!hasDoubts() || !patient || !pauseFor(clock_, kLookInterval, stop)) break;
  }
  Found found;
  found.leads = !leader_ || (leaderLease_ && doesLeaderRenew());
  for (const auto& lease : leases_) {
    found.daemons.push_back(
        {node::liveNodeOf(*lease), !isDaemonUp(*lease), node::isLeaving(*lease)});
  }
  return found;
}

bool LeaseWatch::hasDoubts() const {
  return (leaderLease_ && !doesLeaderRenew()) ||
         !std::all_of(leases_.begin(), leases_.end(),
                      [&](const auto& lease) { return isDaemonUp(*lease); });
}

Result<void> LeaseWatch::look(const std::stop_token& stop) {
  leases_.clear();
  auto listed = kube::listInto(api_, kube::kLeases, {{}, model::kNodeLeaseLabel, {}},
                               model::decodeLease, leases_, stop);
  if (!listed) return listed;
  std::erase_if(leases_, [](const auto& lease) { return lease->holder.empty(); });
  std::sort(leases_.begin(), leases_.end(),
            [](const auto& a, const auto& b) { return a->holder < b->holder; });
  return lookAtLeader(stop);
}

Result<void> LeaseWatch::lookAtLeader(const std::stop_token& stop) {
  leaderLease_.reset();
  if (!leader_) return {};
  const auto object = api_.get(kube::kLeases, *leader_, stop);
  if (!object && object.error().code == ErrorCode::kNotFound) return {};
  if (!object) return tl::make_unexpected(object.error());
  auto lease = model::decodeLease(*object);
  // A leader that stops leaves its Lease without a holder.
  if (lease && !lease->holder.empty()) leaderLease_ = *std::move(lease);
  return {};
}

bool LeaseWatch::isUp(const model::Lease& lease, std::chrono::seconds patience) const {
  const auto first = renewedFirst_.find(lease.key);
  if (first != renewedFirst_.end() && first->second != lease.renewTime) return true;
  const auto renewed = parseRfc3339(lease.renewTime);
  return renewed && std::chrono::abs(clock_.wallNow() - *renewed) <= patience;
}

bool LeaseWatch::isDaemonUp(const model::Lease& lease) const {
  return isUp(lease, node::kLeaseDuration);
}

bool LeaseWatch::doesLeaderRenew() const {
  return isUp(*leaderLease_, std::chrono::seconds(leaderLease_->durationSeconds));
}

}  // namespace barevip::cli
