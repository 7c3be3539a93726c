// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <tuple>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/store.h"
#include "barevip/model/pool.h"

#include "assigner/ledger.h"
#include "common/kube/controller.h"

namespace barevip::controlplane {

/// Brings Pools into the ledger and their counts and conditions into their status. One worker.
class PoolReconciler {
 public:
  /// changed: called after the ledger has other Pools than before; must only hand work on.
  PoolReconciler(kube::Api& api, const Clock& clock, const kube::Store<model::Pool>& pools,
                 assigner::Ledger& ledger, std::function<void()> changed);

  /// Takes the Pools of the store into the ledger if their specs changed. Says whether.
  bool refresh();

  Result<kube::ReconcileResult> reconcile(const kube::ObjectKey& key, const std::stop_token& stop);

 private:
  /// uid, generation, deleting
  using Version = std::tuple<std::string, std::int64_t, bool>;

  kube::Api& api_;
  const Clock& clock_;
  const kube::Store<model::Pool>& pools_;
  assigner::Ledger& ledger_;
  const std::function<void()> changed_;
  std::map<std::string, Version> applied_;  ///< by name
};

/// Counts and conditions as they should stand in the Pool, whose last state is `pool`.
[[nodiscard]] model::Pool::Status poolStatus(const model::Pool& pool,
                                             const assigner::PoolPlan& plan,
                                             const assigner::PoolUsage& usage, WallTime now);

}  // namespace barevip::controlplane
