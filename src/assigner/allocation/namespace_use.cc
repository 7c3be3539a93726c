// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/namespace_use.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace barevip::assigner {

NamespaceUse::NamespaceUse(const PoolTable& pools, const HoldTable& holds, const PoolState& pool,
                           Limit limit)
    : pools_(pools), holds_(holds), limit_(std::move(limit)), most_(pool.plan.maxPerNamespace) {
  if (most_ == 0) return;
  const auto& near = holds.ofNamespace(limit_.ns);
  had_ = static_cast<std::size_t>(std::count_if(
      near.begin(), near.end(),
      [&](const IpAddress& address) { return counts(address, holds.find(address)->givenFrom()); }));
  std::map<std::uint64_t, const Holder*> inOrder;
  for (const IpAddress& address : holds.restingFor(limit_.ns)) {
    const Hold& hold = *holds.find(address);
    if (hold.promisedTo && counts(address, hold.pool)) {
      inOrder.emplace(hold.promise, &*hold.promisedTo);
    }
  }
  // Whoever has several promises takes one address.
  for (const auto& [number, waiter] : inOrder) {
    promised_.try_emplace({waiter->kind, waiter->key}, promised_.size());
  }
}

bool NamespaceUse::counts(const IpAddress& address, const std::string& givenFrom) const {
  return address.family() == limit_.of.family && pools_.home(address, givenFrom) == limit_.of.pool;
}

bool NamespaceUse::hasRoomFor(const Holder& asking) const {
  if (most_ == 0) return true;
  std::size_t others = had_;
  // A reservation may have the name of a Service.
  if (asking.kind == Holder::Kind::kService) {
    for (const IpAddress& address : holds_.ofService(asking.key)) {
      const Hold& hold = *holds_.find(address);
      if (counts(address, hold.givenFrom()) && !hold.isOf(limit_.ns, asking.key)) --others;
    }
  }
  const auto promised = promised_.find({asking.kind, asking.key});
  return others + (promised == promised_.end() ? promised_.size() : promised->second) < most_;
}

bool RoomUnderLimits::operator()(const Limit& limit, const Holder& asking) {
  const PoolState* const pool = pools_.find(limit.of.pool);
  if (pool == nullptr || pool->plan.maxPerNamespace == 0) return true;
  auto use = uses_.find(limit);
  if (use == uses_.end()) {
    use = uses_.emplace(limit, NamespaceUse(pools_, holds_, *pool, limit)).first;
  }
  return use->second.hasRoomFor(asking);
}

}  // namespace barevip::assigner
