// SPDX-License-Identifier: Apache-2.0
#include "assigner/pool_table.h"

#include <utility>

namespace barevip::assigner {

void PoolTable::reset(std::vector<PoolPlan> plans, const HoldTable& holds) {
  pools_.clear();
  byName_.clear();
  pools_.reserve(plans.size());
  for (PoolPlan& plan : plans) {
    PoolSpace space(plan.addresses, plan.avoid);
    byName_.emplace(plan.name, pools_.size());
    pools_.push_back({std::move(plan), std::move(space)});
  }
  for (const auto& [address, unused] : holds.all()) hold(address);
}

const PoolState* PoolTable::find(const std::string& name) const {
  const auto it = byName_.find(name);
  return it == byName_.end() ? nullptr : &pools_[it->second];
}

const PoolState* PoolTable::having(const IpAddress& address) const {
  for (const PoolState& pool : pools_) {
    if (pool.gives() && pool.space.addresses().contains(address)) return &pool;
  }
  return nullptr;
}

std::string PoolTable::home(const IpAddress& address, const std::string& recorded) const {
  const PoolState* const known = find(recorded);
  if (known != nullptr && !known->plan.deleting && known->space.addresses().contains(address)) {
    return recorded;
  }
  const PoolState* const now = having(address);
  return now == nullptr ? recorded : now->plan.name;
}

void PoolTable::hold(const IpAddress& address) {
  for (PoolState& pool : pools_) pool.space.hold(address);
}

void PoolTable::release(const IpAddress& address) {
  for (PoolState& pool : pools_) pool.space.release(address);
}

}  // namespace barevip::assigner
