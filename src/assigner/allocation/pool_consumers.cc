// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_consumers.h"

#include <algorithm>
#include <utility>

namespace barevip::assigner {
namespace {

void append(std::vector<PoolConsumer>& found, const IpAddress& address,
            const Allocation& allocation) {
  std::vector<kube::ObjectKey> users;
  if (allocation.kind == Consumer::Kind::kReservation) {
    for (const ServiceConsumer& user : allocation.users) users.push_back(user.service);
  }
  for (Consumer& consumer : allocation.consumers())
    found.push_back({address, std::move(consumer), users});
}

// The table of holds has no order; those who share an address keep theirs.
std::vector<PoolConsumer> byAddress(std::vector<PoolConsumer> found) {
  std::stable_sort(found.begin(), found.end(), [](const PoolConsumer& a, const PoolConsumer& b) {
    return a.address < b.address;
  });
  return found;
}

}  // namespace

std::vector<PoolConsumer> consumersIn(const AllocationTable& allocations,
                                      const std::set<IpAddress>& addresses) {
  std::vector<PoolConsumer> found;
  for (const IpAddress& address : addresses) append(found, address, *allocations.find(address));
  return found;
}

std::vector<PoolConsumer> consumersAffectedBy(const PoolTable& pools,
                                              const AllocationTable& allocations,
                                              const std::set<std::string>& changed) {
  std::vector<const PoolState*> states;
  for (const std::string& name : changed) {
    if (const PoolState* const state = pools.find(name)) states.push_back(state);
  }
  std::vector<PoolConsumer> found;
  const auto within = [&](const IpAddress& address) {
    return std::any_of(states.begin(), states.end(), [&](const PoolState* state) {
      return state->space.addresses().contains(address);
    });
  };
  for (const auto& [address, allocation] : allocations.all()) {
    if (allocation.kind == Consumer::Kind::kResting) continue;
    if (changed.contains(allocation.sourcePool()) || within(address))
      append(found, address, allocation);
  }
  return byAddress(std::move(found));
}

}  // namespace barevip::assigner
