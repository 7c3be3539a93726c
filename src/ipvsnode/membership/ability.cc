// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/ability.h"

#include <algorithm>
#include <iterator>

namespace barevip::node {

std::optional<Ability> AbilityWatch::judge(const Lacks& lacks, MonotonicTime now) {
  next_.reset();
  const std::set<Key> present = keysOf(lacks);
  for (const Key& key : present) lacks_.try_emplace(key, Lack{now, false, {}});
  for (auto it = lacks_.begin(); it != lacks_.end();) {
    const bool goOn = goesOn(it->second, present.contains(it->first), now);
    it = goOn ? std::next(it) : lacks_.erase(it);
  }
  if (!maySpeak(now)) return std::nullopt;
  return told();
}

std::set<AbilityWatch::Key> AbilityWatch::keysOf(const Lacks& lacks) {
  std::set<Key> keys;
  if (lacks.unguarded) keys.emplace(Cause::kUnguarded, IpAddress());
  if (lacks.broken) keys.emplace(Cause::kBroken, IpAddress());
  for (const IpAddress& vip : lacks.refused) keys.emplace(Cause::kRefused, vip);
  for (const IpAddress& vip : lacks.held) keys.emplace(Cause::kHeld, vip);
  return keys;
}

bool AbilityWatch::goesOn(Lack& lack, bool present, MonotonicTime now) {
  if (present) {
    lack.over.reset();
    lack.counts = lack.counts || passed(lack.since + kLackPatience, now);
    return true;
  }
  if (!lack.counts) return false;
  if (!lack.over) lack.over = now;
  return !passed(*lack.over + kRecovery, now);
}

bool AbilityWatch::maySpeak(MonotonicTime now) {
  if (spoke_) return true;
  if (!began_) began_ = now;
  const bool young = std::any_of(lacks_.begin(), lacks_.end(),
                                 [](const auto& entry) { return !entry.second.counts; });
  spoke_ = !young || passed(*began_ + kLackPatience, now);
  return spoke_;
}

Ability AbilityWatch::told() const {
  Ability result;
  for (const auto& [key, lack] : lacks_) {
    const auto& [cause, vip] = key;
    if (!lack.counts) continue;
    if (cause == Cause::kUnguarded || cause == Cause::kBroken) result.serving = false;
    if (cause == Cause::kRefused) result.blocked.insert(vip);
    if (cause == Cause::kHeld && result.held.size() < kMaxBlocked) result.held.insert(vip);
  }
  if (result.blocked.size() > kMaxBlocked) result.serving = false;
  if (!result.serving) result.blocked.clear();
  return result;
}

bool AbilityWatch::passed(MonotonicTime end, MonotonicTime now) {
  if (now >= end) return true;
  if (!next_ || end < *next_) next_ = end;
  return false;
}

}  // namespace barevip::node
