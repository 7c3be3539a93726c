// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_holders.h"

#include <algorithm>
#include <utility>

namespace barevip::assigner {
namespace {

void append(std::vector<PoolHolder>& found, const IpAddress& address, const Hold& hold) {
  std::vector<kube::ObjectKey> users;
  if (hold.kind == Holder::Kind::kReservation) {
    for (const Sharer& user : hold.users) users.push_back(user.service);
  }
  for (Holder& holder : hold.holders()) found.push_back({address, std::move(holder), users});
}

// The table of holds has no order; those who share an address keep theirs.
std::vector<PoolHolder> byAddress(std::vector<PoolHolder> found) {
  std::stable_sort(found.begin(), found.end(),
                   [](const PoolHolder& a, const PoolHolder& b) { return a.address < b.address; });
  return found;
}

}  // namespace

std::vector<PoolHolder> holdersOf(const HoldTable& holds, const std::set<IpAddress>& addresses) {
  std::vector<PoolHolder> found;
  for (const IpAddress& address : addresses) append(found, address, *holds.find(address));
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
    if (hold.kind == Holder::Kind::kResting) continue;
    if (changed.contains(hold.givenFrom()) || within(address)) append(found, address, hold);
  }
  return byAddress(std::move(found));
}

}  // namespace barevip::assigner
