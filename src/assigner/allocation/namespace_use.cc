// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/namespace_use.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace barevip::assigner {

NamespaceUse::NamespaceUse(const PoolTable& pools, const AllocationTable& allocations,
                           const PoolState& pool, Limit limit)
    : pools_(pools),
      allocations_(allocations),
      limit_(std::move(limit)),
      most_(pool.plan.maxPerNamespace) {
  if (most_ == 0) return;
  const auto& near = allocations.ofNamespace(limit_.ns);
  had_ = static_cast<std::size_t>(
      std::count_if(near.begin(), near.end(), [&](const IpAddress& address) {
        return counts(address, allocations.find(address)->sourcePool());
      }));
  std::map<std::uint64_t, const Consumer*> inOrder;
  for (const IpAddress& address : allocations.restingFor(limit_.ns)) {
    const Allocation& allocation = *allocations.find(address);
    if (allocation.promise && counts(address, allocation.pool)) {
      inOrder.emplace(allocation.promise->number, &allocation.promise->to);
    }
  }
  // Whoever has several promises takes one address.
  for (const auto& [number, waiter] : inOrder) {
    promised_.try_emplace({waiter->kind, waiter->key}, promised_.size());
  }
}

bool NamespaceUse::counts(const IpAddress& address, const std::string& sourcePool) const {
  return address.family() == limit_.of.family && pools_.home(address, sourcePool) == limit_.of.pool;
}

bool NamespaceUse::hasRoomFor(const Consumer& asking) const {
  if (most_ == 0) return true;
  std::size_t others = had_;
  // A reservation may have the name of a Service.
  if (asking.kind == Consumer::Kind::kService) {
    for (const IpAddress& address : allocations_.ofService(asking.key)) {
      const Allocation& allocation = *allocations_.find(address);
      if (counts(address, allocation.sourcePool()) && !allocation.isOf(limit_.ns, asking.key))
        --others;
    }
  }
  const auto promised = promised_.find({asking.kind, asking.key});
  return others + (promised == promised_.end() ? promised_.size() : promised->second) < most_;
}

bool RoomUnderLimits::operator()(const Limit& limit, const Consumer& asking) {
  const PoolState* const pool = pools_.find(limit.of.pool);
  if (pool == nullptr || pool->plan.maxPerNamespace == 0) return true;
  auto use = uses_.find(limit);
  if (use == uses_.end()) {
    use = uses_.emplace(limit, NamespaceUse(pools_, allocations_, *pool, limit)).first;
  }
  return use->second.hasRoomFor(asking);
}

}  // namespace barevip::assigner
