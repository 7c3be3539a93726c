// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch/daemons.h"

#include <algorithm>
#include <chrono>

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

Result<void> DaemonWatch::begin(const std::stop_token& stop) {
  began_ = clock_.now();
  auto looked = look(stop);
  if (!looked) return looked;
  for (const auto& lease : leases_) renewedFirst_.emplace(lease->holder, lease->renewTime);
  return {};
}

Result<std::vector<Daemon>> DaemonWatch::finish(const std::stop_token& stop) {
  // Once more in any case: what was asked for meanwhile may have taken longer than the patience.
  while (hasDoubts()) {
    if (auto looked = look(stop); !looked) return tl::make_unexpected(looked.error());
    const bool patient = clock_.now() - began_ < node::kLeaseDuration;
    if (!hasDoubts() || !patient || !pauseFor(clock_, kLookInterval, stop)) break;
  }
  std::vector<Daemon> daemons;
  for (const auto& lease : leases_) {
    daemons.push_back({node::liveNodeOf(*lease), !isUp(*lease), node::isLeaving(*lease)});
  }
  return daemons;
}

bool DaemonWatch::hasDoubts() const {
  return !std::all_of(leases_.begin(), leases_.end(),
                      [&](const auto& lease) { return isUp(*lease); });
}

Result<void> DaemonWatch::look(const std::stop_token& stop) {
  leases_.clear();
  auto listed = kube::listInto(api_, kube::kLeases, {{}, model::kNodeLeaseLabel, {}},
                               model::decodeLease, leases_, stop);
  if (!listed) return listed;
  std::erase_if(leases_, [](const auto& lease) { return lease->holder.empty(); });
  std::sort(leases_.begin(), leases_.end(),
            [](const auto& a, const auto& b) { return a->holder < b->holder; });
  return {};
}

bool DaemonWatch::isUp(const model::Lease& lease) const {
  const auto first = renewedFirst_.find(lease.holder);
  if (first != renewedFirst_.end() && first->second != lease.renewTime) return true;
  const auto renewed = parseRfc3339(lease.renewTime);
  return renewed && std::chrono::abs(clock_.wallNow() - *renewed) <= node::kLeaseDuration;
}

}  // namespace barevip::cli
