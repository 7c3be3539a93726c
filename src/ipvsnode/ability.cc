// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/ability.h"

namespace barevip::node {

Ability AbilityWatch::judge(bool guarded, const std::set<IpAddress>& unable, MonotonicTime now) {
  next_.reset();
  Ability result;
  if (guarded) {
    unguardedSince_.reset();
  } else {
    if (!unguardedSince_) unguardedSince_ = now;
    result.serving = !lasts(*unguardedSince_, now);
  }

  std::erase_if(unableSince_, [&](const auto& entry) { return !unable.contains(entry.first); });
  for (const IpAddress& vip : unable) {
    const MonotonicTime since = unableSince_.try_emplace(vip, now).first->second;
    if (lasts(since, now)) result.blocked.insert(vip);
  }
  if (result.blocked.size() > kMaxBlocked) {
    result.serving = false;
    result.blocked.clear();
  }
  return result;
}

bool AbilityWatch::lasts(MonotonicTime since, MonotonicTime now) {
  const MonotonicTime end = since + kLackPatience;
  if (now >= end) return true;
  if (!next_ || end < *next_) next_ = end;
  return false;
}

}  // namespace barevip::node
