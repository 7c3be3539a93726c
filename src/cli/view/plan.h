// SPDX-License-Identifier: Apache-2.0
// What an edit of Pools would change: the operator's own decisions, with it and without. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/model/pool.h"

#include "view/cluster.h"

namespace barevip::cli {

struct PoolEdit {
  std::vector<model::Pool> applied;  ///< new, or in the place of those with their names
  std::vector<std::string> deleted;  ///< names
};

struct EditReport {
  /// An address and who has it, or would get it.
  struct Allocation {
    std::string address;
    std::string consumer;  ///< "Service ns/name", "IP ns/name"
    std::string pool;      ///< that it counts for after the edit
    std::string message;   ///< what a person should know; empty: nothing

    friend bool operator==(const Allocation&, const Allocation&) = default;
  };
  struct Fault {
    std::string pool;
    std::string message;

    friend bool operator==(const Fault&, const Fault&) = default;
  };

  std::size_t keeps = 0;             ///< allocations of the edited Pools that nothing changes
  std::vector<Allocation> orphans;   ///< they stay, and the Pools would not allocate them again
  std::vector<Allocation> recounts;  ///< the address stays, and counts for another Pool
  std::vector<Fault> faults;         ///< Pools that allocate nothing, overlap, or leave out more
  std::vector<Allocation> gains;     ///< who waits now and would get an address
};

/// kNotFound: a Pool that is to be deleted is not there.
[[nodiscard]] Result<EditReport> planEdit(const view::Cluster& cluster, const PoolEdit& edit);

}  // namespace barevip::cli
