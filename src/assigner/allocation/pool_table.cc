// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_table.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace barevip::assigner {

void PoolTable::reset(std::vector<PoolPlan> plans) {
  pools_.clear();
  byName_.clear();
  pools_.reserve(plans.size());
  for (PoolPlan& plan : plans) {
    PoolSpace space(plan.addresses, plan.avoid);
    byName_.emplace(plan.name, pools_.size());
    pools_.push_back({std::move(plan), std::move(space)});
  }
  index();
}

void PoolTable::index() {
  struct Edge {
    std::vector<std::size_t> begins;
    std::vector<std::size_t> ends;
  };
  std::map<IpAddress, Edge> edges;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    for (const IpRange& range : pools_[i].space.addresses().ranges()) {
      edges[range.first].begins.push_back(i);
      // There is always a next one: the highest of a family can be no virtual address.
      edges[IpAddress::fromNumber(range.family(), range.last.number() + 1)].ends.push_back(i);
    }
  }
  steps_.clear();
  std::set<std::size_t> here;
  for (const auto& [first, edge] : edges) {
    for (const std::size_t pool : edge.ends) here.erase(pool);
    here.insert(edge.begins.begin(), edge.begins.end());
    steps_.push_back({first, {here.begin(), here.end()}});
  }
}

const std::vector<std::size_t>& PoolTable::at(const IpAddress& address) const {
  static const std::vector<std::size_t> none;
  const auto behind =
      std::upper_bound(steps_.begin(), steps_.end(), address,
                       [](const IpAddress& value, const Step& step) { return value < step.first; });
  return behind == steps_.begin() ? none : std::prev(behind)->pools;
}

const PoolState* PoolTable::find(const std::string& name) const {
  const auto it = byName_.find(name);
  return it == byName_.end() ? nullptr : &pools_[it->second];
}

bool PoolTable::selectNamespaces() const {
  return std::any_of(pools_.begin(), pools_.end(), [](const PoolState& pool) {
    return pool.plan.admission.namespaceSelector.has_value();
  });
}

bool PoolTable::sharedEverywhere(const std::string& pool) const {
  const PoolState* const found = find(pool);
  return found != nullptr && found->plan.allowSharing == model::AllowSharing::kCluster;
}

const PoolState* PoolTable::having(const IpAddress& address) const {
  for (const std::size_t pool : at(address)) {
    if (pools_[pool].gives()) return &pools_[pool];
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

void PoolTable::allocation(const IpAddress& address) {
  for (const std::size_t pool : at(address)) pools_[pool].space.allocation(address);
}

void PoolTable::release(const IpAddress& address) {
  for (const std::size_t pool : at(address)) pools_[pool].space.release(address);
}

}  // namespace barevip::assigner
