// SPDX-License-Identifier: Apache-2.0
#include "assigner/pool_holders.h"

#include <algorithm>

namespace barevip::assigner {

std::vector<PoolHolder> holdersOf(const PoolTable& pools, const HoldTable& holds,
                                  const std::string& pool) {
  std::vector<PoolHolder> found;
  for (const auto& [address, hold] : holds.all()) {
    if (hold.holder.kind == Holder::Kind::kForeign) continue;
    if (pools.home(address, hold.pool) != pool) continue;
    found.push_back({address, hold.holder, hold.user});
  }
  return found;
}

std::vector<PoolHolder> concernedBy(const PoolTable& pools, const HoldTable& holds,
                                    const std::set<std::string>& changed) {
  std::vector<const PoolState*> states;
  for (const std::string& name : changed) {
    if (const PoolState* const state = pools.find(name)) states.push_back(state);
  }
  std::vector<PoolHolder> found;
  const auto within = [&](const IpAddress& address) {
    return std::any_of(states.begin(), states.end(), [&](const PoolState* state) {
      return state->space.addresses().contains(address);
    });
  };
  for (const auto& [address, hold] : holds.all()) {
    if (!changed.contains(hold.pool) && !within(address)) continue;
    found.push_back({address, hold.holder, hold.user});
  }
  return found;
}

}  // namespace barevip::assigner
