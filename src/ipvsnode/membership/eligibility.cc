// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/eligibility.h"

#include <algorithm>
#include <iterator>

namespace barevip::node {

std::optional<Eligibility> EligibilityFilter::judge(const Impediments& impediments,
                                                    MonotonicTime now) {
  next_.reset();
  const std::set<Key> present = keysOf(impediments);
  for (const Key& key : present) impediments_.try_emplace(key, Impediment{now, false, {}});
  for (auto it = impediments_.begin(); it != impediments_.end();) {
    const bool goOn = goesOn(it->second, present.contains(it->first), now);
    it = goOn ? std::next(it) : impediments_.erase(it);
  }
  if (!maySpeak(now)) return std::nullopt;
  return told();
}

std::set<EligibilityFilter::Key> EligibilityFilter::keysOf(const Impediments& impediments) {
  std::set<Key> keys;
  if (impediments.unguarded) keys.emplace(Cause::kUnguarded, IpAddress());
  if (impediments.broken) keys.emplace(Cause::kBroken, IpAddress());
  for (const IpAddress& vip : impediments.refused) keys.emplace(Cause::kRefused, vip);
  for (const IpAddress& vip : impediments.held) keys.emplace(Cause::kHeld, vip);
  return keys;
}

bool EligibilityFilter::goesOn(Impediment& impediment, bool present, MonotonicTime now) {
  if (present) {
    impediment.over.reset();
    impediment.counts = impediment.counts || passed(impediment.since + kFallTime, now);
    return true;
  }
  if (!impediment.counts) return false;
  if (!impediment.over) impediment.over = now;
  return !passed(*impediment.over + kRiseTime, now);
}

bool EligibilityFilter::maySpeak(MonotonicTime now) {
  if (spoke_) return true;
  if (!began_) began_ = now;
  const bool young = std::any_of(impediments_.begin(), impediments_.end(),
                                 [](const auto& entry) { return !entry.second.counts; });
  spoke_ = !young || passed(*began_ + kFallTime, now);
  return spoke_;
}

Eligibility EligibilityFilter::told() const {
  Eligibility result;
  for (const auto& [key, impediment] : impediments_) {
    const auto& [cause, vip] = key;
    if (!impediment.counts) continue;
    if (cause == Cause::kUnguarded || cause == Cause::kBroken) result.serving = false;
    if (cause == Cause::kRefused) result.blocked.insert(vip);
    if (cause == Cause::kHeld && result.held.size() < kMaxBlocked) result.held.insert(vip);
  }
  if (result.blocked.size() > kMaxBlocked) result.serving = false;
  if (!result.serving) result.blocked.clear();
  return result;
}

bool EligibilityFilter::passed(MonotonicTime end, MonotonicTime now) {
  if (now >= end) return true;
  if (!next_ || end < *next_) next_ = end;
  return false;
}

}  // namespace barevip::node
