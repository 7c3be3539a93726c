// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "assigner/allocation/pool_plan.h"
#include "assigner/allocation/pool_space.h"

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
  /// Replaces all Pools. Nothing is taken in the new ones: hold() each address that is held.
  void reset(std::vector<PoolPlan> plans);

  [[nodiscard]] const std::vector<PoolState>& all() const { return pools_; }
  [[nodiscard]] const PoolState* find(const std::string& name) const;

  /// Some Pool chooses by labels of namespaces.
  [[nodiscard]] bool selectNamespaces() const;

  /// The Pool is there, and lets Services of all namespaces share an address.
  [[nodiscard]] bool sharedEverywhere(const std::string& pool) const;

  /// The first Pool that works and has the address within its ranges, or nullptr.
  [[nodiscard]] const PoolState* having(const IpAddress& address) const;

  /// The Pool that an address counts for now: `recorded` while that has it and is not being
  /// deleted, else the one that has it now (renamed or split Pools), else `recorded`.
  [[nodiscard]] std::string home(const IpAddress& address, const std::string& recorded) const;

  void allocation(const IpAddress& address);
  void release(const IpAddress& address);

 private:
  /// From there to the next step the same Pools have the addresses within their ranges.
  struct Step {
    IpAddress first;
    std::vector<std::size_t> pools;  ///< ascending
  };
  void index();
  /// Those that have the address, working or not.
  [[nodiscard]] const std::vector<std::size_t>& at(const IpAddress& address) const;

  std::vector<PoolState> pools_;
  std::vector<Step> steps_;  ///< ascending
  std::map<std::string, std::size_t> byName_;
};

}  // namespace barevip::assigner
