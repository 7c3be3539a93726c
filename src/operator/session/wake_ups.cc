// SPDX-License-Identifier: Apache-2.0
#include "operator/session/wake_ups.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "assigner/allocation/namespace_use.h"

namespace barevip::controlplane {

using assigner::Allocator;
using assigner::Consumer;
using assigner::Freed;
using assigner::Limit;
using assigner::RoomUnderLimits;
using assigner::WaitingList;

WakeUps::Next WakeUps::released(const std::string& ns) {
  Next next = rested();
  allocator_.with([&](Allocator& allocator) {
    const WaitingList::HasRoom room = RoomUnderLimits(allocator.pools(), allocator.allocations());
    for (const Limit& limit : waiting_.limitsIn(ns)) {
      auto first = waiting_.wake(limit, room);
      if (first) next.consumers.push_back(*std::move(first));
    }
  });
  return next;
}

WakeUps::Next WakeUps::rested() {
  const auto later = allocator_.with([](Allocator& allocator) { return allocator.nextRested(); });
  auto woken = allocator_.takeWoken();
  return {std::move(woken.consumers), until(later), woken.available};
}

void WakeUps::looks(const Consumer& who) {
  WaitingList::Woken woken = waiting_.looks(who);
  if (woken.freed.empty() && woken.limits.empty()) return;
  const std::lock_guard lock(mutex_);
  looking_.insert_or_assign({who.kind, who.key}, std::move(woken));
}

WakeUps::Next WakeUps::looked(const Consumer& who) {
  WaitingList::Woken woken;
  {
    const std::lock_guard lock(mutex_);
    const auto it = looking_.find({who.kind, who.key});
    if (it == looking_.end()) return {};
    woken = std::move(it->second);
    looking_.erase(it);
  }
  waiting_.decided(who);
  Next next;
  allocator_.with([&](Allocator& allocator) {
    std::set<Limit> promised;
    std::set<Key> missed{{who.kind, who.key}};
    for (const Freed& each : woken.freed) {
      passOn(allocator, who, each, woken, next, missed);
      for (const std::string& pool : each.pools) {
        promised.insert({who.key.ns, {pool, each.address.family()}});
      }
    }
    const WaitingList::HasRoom room = RoomUnderLimits(allocator.pools(), allocator.allocations());
    const auto wakes = [&next](std::optional<Consumer> following) {
      if (following) next.consumers.push_back(*std::move(following));
    };
    for (const Limit& limit : woken.limits) wakes(waiting_.passOn(limit, woken, room));
    // While it was promised it was no room for others of the namespace.
    for (const Limit& limit : promised) {
      if (!woken.limits.contains(limit)) wakes(waiting_.wake(limit, room));
    }
  });
  return next;
}

void WakeUps::passOn(Allocator& allocator, const Consumer& who, const Freed& freed,
                     const WaitingList::Woken& woken, Next& next, std::set<Key>& missed) {
  if (!allocator.endPromise(freed.address, who)) return;
  auto free = allocator.freed(freed.address);
  if (!free) return;
  free->since = freed.since;
  const WaitingList::HasRoom room = RoomUnderLimits(allocator.pools(), allocator.allocations());
  // If its rest has ended since, it is for other namespaces as well.
  const bool same = free->resting == freed.resting;
  const auto following = same ? waiting_.passOn(*free, woken, room) : waiting_.wake(*free, room);
  if (following) {
    allocator.promise(freed.address, *following);
    next.consumers.push_back(*following);
    return;
  }
  next.available = true;
  for (Consumer& other : waiting_.lookedSince(*free)) {  // each once, however many are left over
    if (missed.insert({other.kind, other.key}).second) next.consumers.push_back(std::move(other));
  }
}

// At least a millisecond, which is not "never".
std::optional<std::chrono::milliseconds> WakeUps::until(
    const std::optional<MonotonicTime>& time) const {
  if (!time) return std::nullopt;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*time - clock_.now());
  return std::max(left, std::chrono::milliseconds(1));
}

}  // namespace barevip::controlplane
