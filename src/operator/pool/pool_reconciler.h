// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "assigner/allocation/cluster_use.h"
#include "assigner/allocation/pool_consumers.h"
#include "assigner/allocation/shared_allocator.h"
#include "assigner/service/overwrite_backoff.h"
#include "common/kube/controller.h"
#include "operator/pool/pool_status.h"

namespace barevip::controlplane {

/// Brings Pools into the allocator and their counts and conditions into their status, and reports
/// by an event each condition that changed. Holds a Pool that is being deleted by a finalizer until
/// nobody has an address from it. One worker.
class PoolReconciler {
 public:
  struct View {
    const kube::Store<model::Pool>& pools;
    const kube::Store<model::Service>& services;
    const kube::Store<model::IpObject>& ipObjects;
    const kube::Store<model::Namespace>& namespaces;
    const assigner::ClusterUse& clusterUse;
  };
  /// Called after the allocator has other Pools than before, with those whose addresses this may
  /// concern, some of them twice; must only hand work on.
  using Changed = std::function<void(const std::vector<assigner::PoolConsumer>& concerned)>;

  PoolReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, View view,
                 assigner::SharedAllocator& shared, Changed changed);

  /// Takes the Pools of the store into the allocator if their specs changed; then returns whom this
  /// may concern.
  std::optional<std::vector<assigner::PoolConsumer>> refresh();

  Result<kube::ReconcileResult> reconcile(const kube::ObjectKey& key, const std::stop_token& stop);

 private:
  /// uid, generation, deleting
  using Version = std::tuple<std::string, std::int64_t, bool>;

  [[nodiscard]] static Version versionOf(const model::Pool& pool);
  /// The allocator has the Pool as it is here.
  [[nodiscard]] bool isApplied(const model::Pool& pool) const;
  Result<kube::ReconcileResult> update(model::Pool pool, const std::stop_token& stop);
  void tell(const model::Pool& pool, const model::Pool::Status& status);
  /// Of a Pool that is applied.
  [[nodiscard]] PoolReport reportOf(const model::Pool& pool);
  [[nodiscard]] bool refuses(const assigner::Admission& admission,
                             const assigner::PoolConsumer& consumer) const;

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  const View view_;
  assigner::SharedAllocator& allocator_;
  const Changed changed_;
  assigner::OverwriteBackoff pace_;
  std::pair<std::uint64_t, std::uint64_t> seen_;  ///< revisions of the Pools and of the use
  std::map<std::string, Version> applied_;        ///< by name
  assigner::AddressSet ranges_;                   ///< of all Pools, used by the cluster or not
  std::vector<assigner::ClusterUser> used_;
  std::map<std::string, std::vector<assigner::ClusterUser>> usedOf_;  ///< by Pool, where any is
};

}  // namespace barevip::controlplane
