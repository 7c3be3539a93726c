// SPDX-License-Identifier: Apache-2.0
#include "operator/session/leader_session.h"

#include <functional>
#include <utility>
#include <variant>

#include "barevip/base/log.h"

#include "assigner/restore/restore.h"
#include "assigner/service/service_events.h"
#include "common/base/heap.h"
#include "common/base/overloaded.h"
#include "common/kube/work_metrics.h"
#include "operator/session/snapshot.h"

namespace barevip::controlplane {
namespace {

using kube::ObjectKey;
using kube::ReconcileResult;

constexpr std::size_t kIpWorkers = 4;
constexpr std::chrono::milliseconds kPoolDelay{500};  // a burst is one write

template <class Work>
kube::Controller<Work> controllerOf(const char* name, kube::WorkQueue<Work>& queue,
                                    typename kube::Controller<Work>::Reconcile reconcile,
                                    obs::Registry* metrics) {
  std::function<void(const kube::Work&)> observe;
  if (metrics != nullptr) observe = kube::workMetrics(*metrics, name);
  return kube::Controller<Work>(name, queue, std::move(reconcile), describe<Work>,
                                std::move(observe));
}

}  // namespace

LeaderSession::LeaderSession(kube::Api& api, const Clock& clock, kube::EventSink& events,
                             const Stores& stores, Options options)
    : api_(api),
      clock_(clock),
      events_(events),
      stores_(stores),
      options_(std::move(options)),
      allocator_(clock, &waiting_),
      wakeUps_(clock, allocator_, waiting_),
      serviceQueue_(clock),
      ipQueue_(clock),
      poolQueue_(clock),
      services_(
          api, clock, events,
          {stores.services, stores.ipObjects, stores.namespaces, stores.ipObjectIndex}, allocator_,
          waiting_, notices(), [this] { return serviceQueue_.size() > options_.workers; },
          options_.services),
      ips_(api, clock, events, {stores.ipObjects, stores.services, stores.namespaces}, allocator_,
           waiting_, notices()),
      pools_(
          api, clock, events,
          {stores.pools, stores.services, stores.ipObjects, stores.namespaces, stores.clusterUse},
          allocator_,
          [this](const std::vector<assigner::PoolConsumer>& concerned) {
            poolsChanged(concerned);
          }),
      serviceController_(controllerOf<ServiceWork>(
          "services", serviceQueue_,
          [this](const ServiceWork& what, const std::stop_token& stop) { return work(what, stop); },
          options_.metrics)),
      ipController_(controllerOf<IpWork>(
          "ips", ipQueue_,
          [this](const IpWork& what, const std::stop_token& stop) { return work(what, stop); },
          options_.metrics)),
      poolController_(controllerOf<PoolWork>(
          "pools", poolQueue_,
          [this](const PoolWork& what, const std::stop_token& stop) { return work(what, stop); },
          options_.metrics)) {}

LeaderSession::~LeaderSession() { stop(); }

Result<void> LeaderSession::start(const std::stop_token& stop) {
  const auto restored = restore(stop);
  if (!restored) return restored;
  returnFreeMemory();  // of the lists that it was restored from
  serviceController_.start(options_.workers);
  ipController_.start(kIpWorkers);
  poolController_.start(1);
  started_ = true;
  return {};
}

void LeaderSession::stop() {
  serviceController_.stop();
  ipController_.stop();
  poolController_.stop();
}

Result<void> LeaderSession::restore(const std::stop_token& stop) {
  const auto snapshot = takeSnapshot(api_, clock_, stores_, options_.reading, stop);
  if (!snapshot) return tl::make_unexpected(snapshot.error());
  pools_.refresh();
  const auto adopted = allocator_.with([&](assigner::Allocator& allocator) {
    return assigner::restore(allocator, *snapshot,
                             {options_.services.classes, options_.services.adopt});
  });
  services_.tookUp(snapshot->services);
  for (const model::Service* const service : adopted) {
    events_.emit(assigner::adoptedEvent(*service));
  }
  log::info("restored existing allocations", {{"addresses", std::to_string(allocated())},
                                              {"adopted", std::to_string(adopted.size())},
                                              {"pools", std::to_string(stores_.pools.size())}});
  enqueue(ofAll(stores_));
  serviceQueue_.add(RestedAddresses{});  // some may rest
  return {};
}

bool LeaderSession::workOnce(Kind kind, const std::stop_token& stop) {
  switch (kind) {
    case Kind::kServices:
      return serviceController_.workOnce(stop);
    case Kind::kIps:
      return ipController_.workOnce(stop);
    case Kind::kPools:
      return poolController_.workOnce(stop);
  }
  return false;
}

void LeaderSession::onService(const ServicePtr& before, const ServicePtr& after) {
  enqueue(ofService(before, after, stores_.ipObjectIndex));
}

void LeaderSession::onPool(const PoolPtr& before, const PoolPtr& after) {
  enqueue(ofPool(before, after));
}

void LeaderSession::onIpObject(const IpObjectPtr& before, const IpObjectPtr& after) {
  Enqueued keys = ofIp(before, after);
  // What the Service reconciler wrote itself is no news for it (client-go: an expectation is met).
  if (changesAllocation(before, after)) {
    const std::string owner = after && after->serviceOwner ? after->serviceOwner->uid : "";
    if (services_.ipObjectSeen((after ? after : before)->key, owner)) keys.services.clear();
  }
  enqueue(keys);
}

void LeaderSession::onNamespace(const NamespacePtr& before, const NamespacePtr& after) {
  enqueue(ofNamespace(before, after, stores_));
}

void LeaderSession::onClusterUse() { enqueue(ofClusterUse()); }

std::size_t LeaderSession::allocated() {
  return allocator_.with(
      [](assigner::Allocator& allocator) { return allocator.allocations().all().size(); });
}

bool LeaderSession::idle() const {
  return serviceQueue_.idle() && ipQueue_.idle() && ipQueue_.waiting() == 0 && poolQueue_.idle();
}

assigner::AllocationNotices LeaderSession::notices() {
  return {[this](const std::string& ns) { released(ns); },
          [this](const assigner::Shareable& what) { enqueue(waiting_.sharing(what)); },
          [this](const ObjectKey& reservation) { enqueue(waiting_.naming(reservation)); },
          [this] { countsChanged(); },
          [this](const ObjectKey& ipObject) { ipQueue_.add(ipObject); },
          [this](const ObjectKey& service) { serviceQueue_.add(service); },
          [this](const assigner::Consumer& who) { enqueue(wakeUps_.looked(who)); }};
}

void LeaderSession::released(const std::string& ns) {
  const WakeUps::Next next = wakeUps_.released(ns);
  if (next.untilRested) serviceQueue_.addAfter(RestedAddresses{}, *next.untilRested);
  enqueue(next);
}

void LeaderSession::countsChanged() { poolQueue_.addAfter(EveryPool{}, kPoolDelay); }

void LeaderSession::poolsChanged(const std::vector<assigner::PoolConsumer>& concerned) {
  serviceQueue_.add(EveryWaiter{});
  serviceQueue_.add(RestedAddresses{});
  enqueue(ofPoolConsumers(concerned, stores_.ipObjectIndex));
  poolQueue_.add(EveryPool{});
}

void LeaderSession::enqueue(const WakeUps::Next& next) {
  if (next.available) countsChanged();
  enqueue(ofConsumers(next.consumers));
}

void LeaderSession::enqueue(const Enqueued& keys) {
  for (const ObjectKey& key : keys.pools) poolQueue_.add(key);
  for (const ObjectKey& key : keys.ips) ipQueue_.add(key);
  for (const ObjectKey& key : keys.services) serviceQueue_.add(key);
  if (keys.everyPool) countsChanged();
}

Result<ReconcileResult> LeaderSession::work(const ServiceWork& what, const std::stop_token& stop) {
  using Outcome = Result<ReconcileResult>;
  return std::visit(
      Overloaded{[&](const ObjectKey& key) -> Outcome { return reconcileService(key, stop); },
                 [&](EveryWaiter) -> Outcome {
                   enqueue(waiting_.all());
                   return ReconcileResult{};
                 },
                 [&](RestedAddresses) -> Outcome { return wakeRested(); }},
      what);
}

Result<ReconcileResult> LeaderSession::work(const IpWork& what, const std::stop_token& stop) {
  using Outcome = Result<ReconcileResult>;
  return std::visit(
      Overloaded{[&](const ObjectKey& key) -> Outcome { return reconcileIp(key, stop); },
                 [&](DeferredIps) -> Outcome { return releaseDeferred(); }},
      what);
}

Result<ReconcileResult> LeaderSession::work(const PoolWork& what, const std::stop_token& stop) {
  using Outcome = Result<ReconcileResult>;
  return std::visit(
      Overloaded{[&](const ObjectKey& key) -> Outcome { return pools_.reconcile(key, stop); },
                 [&](EveryPool) -> Outcome {
                   for (const auto& pool : stores_.pools.all()) poolQueue_.add(pool->key);
                   return ReconcileResult{};
                 }},
      what);
}

// One look of a consumer. Mostly it has decided long before the end; where it did not, because it
// was deferred, or an error or an exception came first, what it was woken for is passed on then.
class LeaderSession::Look {
 public:
  Look(LeaderSession& session, assigner::Consumer who) : session_(session), who_(std::move(who)) {
    session_.wakeUps_.looks(who_);
  }
  ~Look() { session_.enqueue(session_.wakeUps_.looked(who_)); }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;

 private:
  LeaderSession& session_;
  const assigner::Consumer who_;
};

Result<ReconcileResult> LeaderSession::reconcileService(const ObjectKey& key,
                                                        const std::stop_token& stop) {
  const Look look(*this, {assigner::Consumer::Kind::kService, key});
  return services_.reconcile(key, stop);
}

Result<ReconcileResult> LeaderSession::reconcileIp(const ObjectKey& key,
                                                   const std::stop_token& stop) {
  const Look look(*this, {assigner::Consumer::Kind::kReservation, key});
  const auto ipObject = stores_.ipObjects.get(key);
  const bool owned = ipObject && ipObject->serviceOwner;
  if (!deferred_.admit(key, owned && serviceQueue_.size() > 0)) {
    ipQueue_.addAfter(DeferredIps{}, DeferredQueue::kInterval);
    return ReconcileResult{};
  }
  return ips_.reconcile(key, stop);
}

ReconcileResult LeaderSession::wakeRested() {
  const WakeUps::Next next = wakeUps_.rested();
  enqueue(next);
  return {next.untilRested.value_or(std::chrono::milliseconds(0))};
}

ReconcileResult LeaderSession::releaseDeferred() {
  for (const ObjectKey& key : deferred_.release(serviceQueue_.size() > 0)) ipQueue_.add(key);
  return {deferred_.empty() ? std::chrono::milliseconds(0) : DeferredQueue::kInterval};
}

}  // namespace barevip::controlplane
