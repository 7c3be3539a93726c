// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "barevip/base/clock.h"
#include "barevip/model/pool.h"

#include "assigner/allocator.h"
#include "assigner/pool_holders.h"

namespace barevip::controlplane {

/// What the allocator and the cluster tell of one Pool.
struct PoolReport {
  assigner::PoolPlan plan;
  assigner::PoolUsage usage;
  std::vector<assigner::PoolHolder> holders;      ///< of a Pool that is being deleted
  std::vector<assigner::PoolHolder> notAdmitted;  ///< holders that the rules do not admit any more
};

/// Counts and conditions as they should stand in the Pool, whose last state is `pool`.
[[nodiscard]] model::Pool::Status poolStatus(const model::Pool& pool, const PoolReport& report,
                                             WallTime now);

}  // namespace barevip::controlplane
