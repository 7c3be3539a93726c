// SPDX-License-Identifier: Apache-2.0
// One term of leadership: from taking up what is held to the end of the last worker.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "assigner/claim_index.h"
#include "assigner/compat.h"
#include "assigner/ledger.h"
#include "assigner/pool_holders.h"
#include "assigner/service_reconciler.h"
#include "common/kube/controller.h"
#include "common/kube/key_set.h"
#include "common/kube/work_queue.h"
#include "operator/ip_reconciler.h"
#include "operator/pool_reconciler.h"

namespace barevip::controlplane {

/// What the reflectors keep; it lives as long as the process.
struct Stores {
  Stores();

  kube::Store<model::Service> services;
  kube::Store<model::Pool> pools;
  kube::Store<model::IpClaim> claims;
  kube::Store<model::Namespace> namespaces;
  assigner::ClaimIndex claimIndex;

  [[nodiscard]] bool synced() const;
};

/// Nothing is given before everything that is held was taken up from fresh, complete lists, and
/// before the stores are at least as new as these: the watch of a process that just began to lead
/// may be behind what the last leader wrote.
///
/// The on... functions take the changes of the stores, from any thread, at any time.
class Term {
 public:
  struct Options {
    std::size_t workers = 8;
    assigner::ServiceReconciler::Options services;
    assigner::Compat compat = assigner::Compat::kNone;
  };

  Term(kube::Api& api, const Clock& clock, kube::EventSink& events, const Stores& stores,
       Options options);
  ~Term();
  Term(const Term&) = delete;
  Term& operator=(const Term&) = delete;

  /// prepare(), and starts the workers.
  Result<void> begin(const std::stop_token& stop);
  /// Returns when nothing runs any more; once begun, before destruction.
  void end();

  /// Takes up what is held; blocks until then, for as long as the API server does not answer. An
  /// error is kStopped.
  Result<void> prepare(const std::stop_token& stop);
  enum class Kind : std::uint8_t { kServices, kIps, kPools };
  /// After prepare(): does a worker's job for one object on the caller's thread, so that the caller
  /// decides what happens after what. False if nothing of that kind is due.
  bool workOnce(Kind kind, const std::stop_token& stop);

  using ServicePtr = kube::Store<model::Service>::Ptr;
  using PoolPtr = kube::Store<model::Pool>::Ptr;
  using ClaimPtr = kube::Store<model::IpClaim>::Ptr;
  using NamespacePtr = kube::Store<model::Namespace>::Ptr;
  void onService(const ServicePtr& before, const ServicePtr& after);
  void onPool(const PoolPtr& before, const PoolPtr& after);
  void onClaim(const ClaimPtr& before, const ClaimPtr& after);
  void onNamespace(const NamespacePtr& before, const NamespacePtr& after);

  [[nodiscard]] bool begun() const { return begun_; }
  /// Services that wait for an address.
  [[nodiscard]] std::size_t waiting() const { return services_.waiters().size(); }
  [[nodiscard]] std::size_t queued() const { return serviceQueue_.size(); }
  [[nodiscard]] std::size_t held();
  /// All queues are empty, no worker is busy and no IP object waits for its turn.
  [[nodiscard]] bool idle() const;

 private:
  using Queue = kube::WorkQueue<kube::ObjectKey>;

  Result<void> takeUp(const std::stop_token& stop);
  Result<bool> takeUpOnce(const std::stop_token& stop);
  void pause(std::chrono::milliseconds time, const std::stop_token& stop) const;
  void enqueueAll();
  void wakeWaiters();
  void wakeHolders(const std::vector<assigner::PoolHolder>& holders);
  void wakeClaimsOf(const kube::ObjectKey& service);
  Result<kube::ReconcileResult> reconcileService(const kube::ObjectKey& key,
                                                 const std::stop_token& stop);
  Result<kube::ReconcileResult> reconcilePool(const kube::ObjectKey& key,
                                              const std::stop_token& stop);
  Result<kube::ReconcileResult> reconcileClaim(const kube::ObjectKey& key,
                                               const std::stop_token& stop);
  kube::ReconcileResult releaseClaims();

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  const Stores& stores_;
  const Options options_;
  assigner::Ledger ledger_;
  Queue serviceQueue_;
  Queue claimQueue_;
  Queue poolQueue_;
  kube::KeySet heldBack_;    ///< IP objects behind Services that wait for a worker
  kube::KeySet letThrough_;  ///< those of them whose turn came
  assigner::ServiceReconciler services_;
  IpReconciler claims_;
  PoolReconciler pools_;
  kube::Controller<kube::ObjectKey> serviceController_;
  kube::Controller<kube::ObjectKey> claimController_;
  kube::Controller<kube::ObjectKey> poolController_;
  std::atomic<bool> begun_ = false;
};

}  // namespace barevip::controlplane
