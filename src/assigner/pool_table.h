// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "assigner/hold_table.h"
#include "assigner/pool_plan.h"
#include "assigner/pool_space.h"

namespace barevip::assigner {

struct PoolState {
  PoolPlan plan;
  PoolSpace space;

  [[nodiscard]] bool gives() const { return !plan.fault; }
};

/// All Pools, in the order in which they are tried, and what of them is taken. An address that is
/// held is taken in every Pool that has it. Not thread-safe.
class PoolTable {
 public:
  /// Replaces all Pools; `holds` are taken in the new ones. O(pools * holds).
  void reset(std::vector<PoolPlan> plans, const HoldTable& holds);

  [[nodiscard]] const std::vector<PoolState>& all() const { return pools_; }
  [[nodiscard]] const PoolState* find(const std::string& name) const;

  /// The first Pool that works and has the address within its ranges, or nullptr.
  [[nodiscard]] const PoolState* having(const IpAddress& address) const;

  /// The Pool that an address counts for now: `recorded` while that has it and is not being
  /// deleted, else the one that has it by now (renamed or split Pools), else `recorded`.
  [[nodiscard]] std::string home(const IpAddress& address, const std::string& recorded) const;

  void hold(const IpAddress& address);
  void release(const IpAddress& address);

 private:
  std::vector<PoolState> pools_;
  std::map<std::string, std::size_t> byName_;
};

}  // namespace barevip::assigner
