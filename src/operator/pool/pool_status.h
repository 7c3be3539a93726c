// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "barevip/base/clock.h"
#include "barevip/model/pool.h"

#include "assigner/allocation/allocator.h"
#include "assigner/allocation/pool_consumers.h"

namespace barevip::controlplane {

/// What the allocator and the cluster know of one Pool.
struct PoolReport {
  assigner::PoolPlan plan;
  assigner::PoolUsage usage;
  std::vector<assigner::PoolConsumer> consumers;  ///< of a Pool that is being deleted
  std::vector<assigner::PoolConsumer>
      notAdmitted;  ///< consumers that the rules do not admit any more
};

/// Counts and conditions as they should stand in the Pool, whose last state is `pool`. The report
/// must be of the spec that `pool` has.
[[nodiscard]] model::Pool::Status poolStatus(const model::Pool& pool, const PoolReport& report,
                                             WallTime now);

/// The condition calls for nothing to be done.
[[nodiscard]] bool isGood(const model::Condition& condition);

/// The conditions of `after` that people should learn of: those with another status or reason than
/// before, and of a type that was not there before, those that are not good. Of two that are not
/// good for one reason only the first.
[[nodiscard]] std::vector<model::Condition> newsOf(const model::Pool::Status& before,
                                                   const model::Pool::Status& after);

}  // namespace barevip::controlplane
