// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/liveness.h"

#include <algorithm>
#include <utility>

#include "ipvsnode/membership/lease_reading.h"

namespace barevip::node {
bool Liveness::saw(const model::Lease& lease, MonotonicTime now) {
  if (lease.holder.empty()) return false;
  const std::lock_guard lock(mutex_);
  const bool known = nodes_.contains(lease.holder);
  Entry& entry = nodes_[lease.holder];
  const bool leaving = isLeaving(lease);
  LiveNode says = liveNodeOf(lease);
  const std::chrono::seconds patience =
      std::clamp(std::chrono::seconds(lease.durationSeconds), kLeaseDuration, kMaxPatience);
  bool changed = !known || leaving != entry.leaving || says != entry.says;
  entry.leaving = leaving;
  entry.says = std::move(says);
  if (known && entry.renewTime == lease.renewTime) {
    entry.patience = patience;
    return changed;
  }

  if (lease.holder == self_) {
    for (auto& [name, other] : nodes_) ++other.ownRenewals;
    if (!known || now - entry.seen > kInTouch) {
      for (auto& [name, other] : nodes_) {
        if (last_.established && !wasUp(name)) continue;
        // One on hold is expected not to renew.
        const bool shouldRenew = other.patience == kLeaseDuration;
        if (shouldRenew && other.ownRenewals >= kRenewalsOfPatience) continue;
        other.seen = now;
        other.proven = false;
      }
      changed = true;
    }
  } else if (!entry.proven || now - entry.seen > kLeaseDuration) {
    changed = true;
  }
  entry.proven = known;
  entry.ownRenewals = 0;
  entry.patience = patience;
  entry.renewTime = lease.renewTime;
  entry.seen = now;
  if (lease.holder == self_) last_ = viewLocked(now);
  return changed;
}

bool Liveness::gone(const model::Lease& lease) {
  const std::lock_guard lock(mutex_);
  return nodes_.erase(lease.holder) > 0;
}

bool Liveness::wasUp(const std::string& name) const {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return has(last_.leaving) || has(last_.onHold) ||
         std::any_of(last_.live.begin(), last_.live.end(),
                     [&](const LiveNode& one) { return one.name == name; });
}

bool Liveness::inTouchLocked(MonotonicTime now) const {
  const auto self = nodes_.find(self_);
  return self != nodes_.end() && now - self->second.seen <= kInTouch;
}

LiveView Liveness::view(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  if (inTouchLocked(now)) {
    last_ = viewLocked(now);
  } else {
    last_.inTouch = false;
    last_.next.reset();
  }
  return last_;
}

LiveView Liveness::viewLocked(MonotonicTime now) const {
  LiveView view;
  view.established = true;
  for (const auto& [name, entry] : nodes_) {
    const bool fresh = now <= entry.seen + kLeaseDuration;
    const MonotonicTime end = entry.seen + (fresh ? kLeaseDuration : entry.patience);
    if (now > end) continue;
    if (!fresh) {
      view.onHold.push_back(name);
    } else if (entry.leaving) {
      view.leaving.push_back(name);
    } else {
      view.live.push_back(entry.says);
    }
    if (name == self_) continue;
    if (fresh) view.settled = view.settled && entry.proven;
    // Just after, since `end` itself still counts as alive.
    const MonotonicTime after = end + std::chrono::milliseconds(1);
    if (!view.next || after < *view.next) view.next = after;
  }
  return view;
}

}  // namespace barevip::node
