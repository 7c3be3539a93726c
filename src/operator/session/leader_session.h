// SPDX-License-Identifier: Apache-2.0
// One session of a leader: from the restore of all allocations to the end of the last worker.
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

#include "assigner/allocation/pool_consumers.h"
#include "assigner/allocation/shared_allocator.h"
#include "assigner/allocation/waiting_list.h"
#include "assigner/service/service_reconciler.h"
#include "common/kube/controller.h"
#include "common/kube/work_queue.h"
#include "common/obs/metrics.h"
#include "operator/ip/ip_reconciler.h"
#include "operator/pool/pool_reconciler.h"
#include "operator/session/deferred_queue.h"
#include "operator/session/service_decoder.h"
#include "operator/session/sources.h"
#include "operator/session/stores.h"
#include "operator/session/wake_ups.h"
#include "operator/session/work.h"

namespace barevip::controlplane {

/// Three queues, what fills them (sources.h), and the workers that reconcile their keys. Nothing is
/// allocated before all allocations were restored, see takeSnapshot().
///
/// Threading: the on... functions take the changes of the stores, from any thread, at any time; so
/// do the const functions and allocated(). The other functions are for one thread.
/// Ownership: references outlive the session. Once started, stop() it before destruction.
class LeaderSession {
 public:
  struct Options {
    std::size_t workers = 8;
    assigner::ServiceReconciler::Options services;
    ServiceReading reading;
    obs::Registry* metrics = nullptr;  ///< of the process; null: the work is not measured
  };

  LeaderSession(kube::Api& api, const Clock& clock, kube::EventSink& events, const Stores& stores,
                Options options);
  ~LeaderSession();
  LeaderSession(const LeaderSession&) = delete;
  LeaderSession& operator=(const LeaderSession&) = delete;

  /// restore(), and starts the workers.
  Result<void> start(const std::stop_token& stop);
  /// Returns when nothing runs any more.
  void stop();

  /// Restores all allocations and enqueues everything; blocks until then, for as long as the API
  /// server does not answer. An error is kStopped.
  Result<void> restore(const std::stop_token& stop);
  enum class Kind : std::uint8_t { kServices, kIps, kPools };
  /// After restore(): does a worker's job for one object on the caller's thread, so that the caller
  /// decides what happens after what. False if nothing of that kind is due.
  bool workOnce(Kind kind, const std::stop_token& stop);

  void onService(const ServicePtr& before, const ServicePtr& after);
  void onPool(const PoolPtr& before, const PoolPtr& after);
  void onIpObject(const IpObjectPtr& before, const IpObjectPtr& after);
  void onNamespace(const NamespacePtr& before, const NamespacePtr& after);
  /// Other addresses than before are the cluster's own.
  void onClusterUse();

  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] const assigner::WaitingList& waiting() const { return waiting_; }
  [[nodiscard]] std::size_t queued() const { return serviceQueue_.size(); }
  /// How many addresses are allocated.
  [[nodiscard]] std::size_t allocated();
  /// All queues are empty, no worker is busy and no IP object waits for its turn.
  [[nodiscard]] bool idle() const;

 private:
  class Look;

  assigner::AllocationNotices notices();
  void released(const std::string& ns);
  void countsChanged();
  void poolsChanged(const std::vector<assigner::PoolConsumer>& concerned);
  void enqueue(const WakeUps::Next& next);
  void enqueue(const Enqueued& keys);
  void enqueue(const std::vector<assigner::Consumer>& consumers) {
    enqueue(ofConsumers(consumers));
  }

  Result<kube::ReconcileResult> work(const ServiceWork& what, const std::stop_token& stop);
  Result<kube::ReconcileResult> work(const IpWork& what, const std::stop_token& stop);
  Result<kube::ReconcileResult> work(const PoolWork& what, const std::stop_token& stop);
  Result<kube::ReconcileResult> reconcileService(const kube::ObjectKey& key,
                                                 const std::stop_token& stop);
  Result<kube::ReconcileResult> reconcileIp(const kube::ObjectKey& key,
                                            const std::stop_token& stop);
  kube::ReconcileResult wakeRested();
  kube::ReconcileResult releaseDeferred();

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  const Stores& stores_;
  const Options options_;
  assigner::SharedAllocator allocator_;
  assigner::WaitingList waiting_;
  WakeUps wakeUps_;
  DeferredQueue deferred_;
  kube::WorkQueue<ServiceWork> serviceQueue_;
  kube::WorkQueue<IpWork> ipQueue_;
  kube::WorkQueue<PoolWork> poolQueue_;
  assigner::ServiceReconciler services_;
  IpReconciler ips_;
  PoolReconciler pools_;
  kube::Controller<ServiceWork> serviceController_;
  kube::Controller<IpWork> ipController_;
  kube::Controller<PoolWork> poolController_;
  std::atomic<bool> started_ = false;
};

}  // namespace barevip::controlplane
