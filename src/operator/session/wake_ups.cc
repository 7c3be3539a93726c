// SPDX-License-Identifier: Apache-2.0
#include "operator/session/wake_ups.h"

#include <algorithm>
#include <utility>

#include "assigner/allocation/candidates.h"

namespace barevip::controlplane {

using assigner::Allocator;
using assigner::Freed;
using assigner::Holder;
using assigner::Limit;
using assigner::WaitingList;

namespace {

// Most consumers that wait for a limit have nothing, so that there is room for all or for none.
WaitingList::MayHave roomUnder(const Limit& limit, const Allocator& allocator) {
  const assigner::PoolState* const pool = allocator.pools().find(limit.of.pool);
  if (pool == nullptr) return [](const Holder&) { return true; };
  const auto full = [&allocator, pool, family = limit.of.family](const Holder& who) {
    return assigner::limitRefusal(allocator.pools(), allocator.holds(), *pool, who, family)
        .has_value();
  };
  const bool any = !full({Holder::Kind::kReservation, {limit.ns, ""}});
  return [any, full, &holds = allocator.holds()](const Holder& who) {
    const bool hasSome = who.kind == Holder::Kind::kService && !holds.ofService(who.key).empty();
    return any || (hasSome && !full(who));
  };
}

}  // namespace

WakeUps::Next WakeUps::released(const std::string& ns) {
  Next next = rested();
  ledger_.with([&](Allocator& allocator) {
    for (const Limit& limit : waiting_.limitsIn(ns)) {
      auto first = waiting_.wake(limit, roomUnder(limit, allocator));
      if (first) next.consumers.push_back(*std::move(first));
    }
  });
  return next;
}

WakeUps::Next WakeUps::rested() {
  const auto later = ledger_.with([](Allocator& allocator) { return allocator.nextRested(); });
  auto woken = ledger_.takeWoken();
  return {std::move(woken.consumers), until(later), woken.available};
}

assigner::WaitingList::Woken WakeUps::looks(const Holder& who) { return waiting_.looked(who); }

WakeUps::Next WakeUps::looked(const Holder& who, const assigner::WaitingList::Woken& woken) {
  Next next;
  if (woken.freed.empty() && woken.limits.empty()) return next;
  ledger_.with([&](Allocator& allocator) {
    for (const Limit& limit : woken.limits) {
      auto following = waiting_.passOn(limit, woken, roomUnder(limit, allocator));
      if (following) next.consumers.push_back(*std::move(following));
    }
    for (const Freed& each : woken.freed) {
      if (!allocator.endPromise(each.address, who)) continue;
      auto free = allocator.freed(each.address);
      if (!free) continue;
      free->since = each.since;
      // If its rest has ended since, it is for other namespaces as well.
      const bool same = free->resting == each.resting;
      const auto following = same ? waiting_.passOn(*free, woken) : waiting_.wake(*free);
      if (following) {
        allocator.promise(each.address, *following);
        next.consumers.push_back(*following);
        continue;
      }
      next.available = true;
      for (Holder& other : waiting_.lookedSince(*free)) {
        if (other != who) next.consumers.push_back(std::move(other));
      }
    }
  });
  return next;
}

// At least a millisecond, which is not "never".
std::optional<std::chrono::milliseconds> WakeUps::until(
    const std::optional<MonotonicTime>& time) const {
  if (!time) return std::nullopt;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*time - clock_.now());
  return std::max(left, std::chrono::milliseconds(1));
}

}  // namespace barevip::controlplane
