// SPDX-License-Identifier: Apache-2.0
#include "view/daemon_watch.h"

#include <algorithm>
#include <utility>

#include "ipvsnode/membership/lease_reading.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::view {

std::vector<Daemon> DaemonWatch::look(const Leases& leases, MonotonicTime now) {
  std::vector<Daemon> daemons;
  std::map<std::string, Renewal> renewals;
  for (const auto& lease : leases) {
    if (lease->holder.empty()) continue;
    const auto known = renewals_.find(lease->holder);
    const bool renewed = known == renewals_.end() || known->second.time != lease->renewTime;
    const MonotonicTime seen = renewed ? now : known->second.seen;
    renewals[lease->holder] = {lease->renewTime, seen};
    daemons.push_back(
        {node::liveNodeOf(*lease), now - seen > node::kLeaseDuration, node::isLeaving(*lease)});
  }
  renewals_ = std::move(renewals);
  std::sort(daemons.begin(), daemons.end(),
            [](const auto& a, const auto& b) { return a.says.name < b.says.name; });
  return daemons;
}

}  // namespace barevip::view
