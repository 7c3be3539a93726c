// SPDX-License-Identifier: Apache-2.0
// What the operator would decide now: its own code, on a snapshot.
#pragma once

#include <vector>

#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocator.h"
#include "assigner/service/service_plan.h"
#include "view/cluster.h"

namespace barevip::cli {

/// The Pools as the operator plans with them: without what the cluster itself uses.
[[nodiscard]] std::vector<assigner::PoolPlan> plansOf(const view::Cluster& cluster,
                                                      const std::vector<model::Pool>& pools);

[[nodiscard]] std::vector<model::Pool> poolsOf(const view::Cluster& cluster);

/// The allocator of an operator that begins to lead now. What was released a moment ago stands in
/// no object, so that none of it rests here.
[[nodiscard]] assigner::Allocator restored(const view::Cluster& cluster);

/// Null: it is not known.
[[nodiscard]] std::shared_ptr<const model::Namespace> namespaceOf(const view::Cluster& cluster,
                                                                  const std::string& name);

/// Nothing of the plan is executed.
[[nodiscard]] assigner::ServicePlan decideFor(const view::Cluster& cluster,
                                              assigner::Allocator& allocator,
                                              const std::shared_ptr<const model::Service>& service);

}  // namespace barevip::cli
