// SPDX-License-Identifier: Apache-2.0
#include "operator/term.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "barevip/base/log.h"

#include "assigner/adoption.h"
#include "assigner/request.h"
#include "assigner/take_up.h"
#include "common/kube/backoff.h"
#include "operator/service_decoder.h"
#include "operator/status_writes.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using kube::ObjectKey;

constexpr std::size_t kClaimWorkers = 4;
constexpr std::chrono::milliseconds kPoolDelay = 500ms;  // a burst of allocations is one write
// While Services wait for a worker, one IP object that records an address gets through that often.
constexpr std::chrono::milliseconds kRecordPace = 200ms;
constexpr std::chrono::milliseconds kLook = 10ms;
constexpr std::chrono::milliseconds kMostBehind = 2s;

// In the queue of Pools: the counts of any of them may differ.
const ObjectKey kEveryPool{};
// In the queue of Services: all that wait. Notices that come while it is queued cost nothing.
const ObjectKey kEveryWaiter{};
// In the queue of IP objects: those that are held back.
const ObjectKey kHeldBack{};

// resourceVersions are decimal numbers without leading zeros (KEP-5504).
bool olderVersion(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// An object may be missing from the store: it was deleted after the list.
template <class T>
bool behind(const kube::Store<T>& store, const std::vector<T>& listed) {
  const std::string reached = store.version();
  return std::any_of(listed.begin(), listed.end(), [&](const T& object) {
    return olderVersion(reached, object.resourceVersion);
  });
}

// Services that are nobody's business are left out: ClusterIP Services are most of a cluster. One
// that waited for an address before it became one of them still has our condition.
bool isRelevant(const Term::ServicePtr& service) {
  return service &&
         (service->isLoadBalancer() || !service->ingress.empty() ||
          model::findCondition(service->conditions, assigner::kAddressAssigned) != nullptr);
}

std::string describe(const ObjectKey& key) { return key.toString(); }

}  // namespace

Stores::Stores() {
  claims.addHandler(
      [this](const auto& before, const auto& after) { claimIndex.update(before, after); });
}

bool Stores::synced() const {
  return services.synced() && pools.synced() && claims.synced() && namespaces.synced();
}

Term::Term(kube::Api& api, const Clock& clock, kube::EventSink& events, const Stores& stores,
           Options options)
    : api_(api),
      clock_(clock),
      events_(events),
      stores_(stores),
      options_(std::move(options)),
      serviceQueue_(clock),
      claimQueue_(clock),
      poolQueue_(clock),
      services_(
          api, clock, events,
          {stores.services, stores.claims, stores.namespaces, stores.claimIndex}, ledger_,
          {[this] { wakeWaiters(); }, [this] { poolQueue_.addAfter(kEveryPool, kPoolDelay); },
           [this](const ObjectKey& claim) { claimQueue_.add(claim); }},
          [this] { return serviceQueue_.size() > options_.workers; }, options_.services),
      claims_(api, clock, events, {stores.claims, stores.services, stores.namespaces}, ledger_,
              {[this] { wakeWaiters(); }, [this] { poolQueue_.addAfter(kEveryPool, kPoolDelay); },
               [this](const ObjectKey& service) { serviceQueue_.add(service); }}),
      pools_(api, clock, {stores.pools, stores.services, stores.claims, stores.namespaces}, ledger_,
             [this](const std::vector<assigner::PoolHolder>& concerned) {
               wakeWaiters();
               wakeHolders(concerned);
               poolQueue_.add(kEveryPool);
             }),
      serviceController_(
          "services", serviceQueue_,
          [this](const ObjectKey& key, const std::stop_token& stop) {
            return reconcileService(key, stop);
          },
          describe),
      claimController_(
          "ips", claimQueue_,
          [this](const ObjectKey& key, const std::stop_token& stop) {
            return reconcileClaim(key, stop);
          },
          describe),
      poolController_(
          "pools", poolQueue_,
          [this](const ObjectKey& key, const std::stop_token& stop) {
            return reconcilePool(key, stop);
          },
          describe) {}

Term::~Term() { end(); }

Result<void> Term::begin(const std::stop_token& stop) {
  const auto prepared = prepare(stop);
  if (!prepared) return prepared;
  serviceController_.start(options_.workers);
  claimController_.start(kClaimWorkers);
  poolController_.start(1);
  begun_ = true;
  return {};
}

Result<void> Term::prepare(const std::stop_token& stop) {
  while (!stores_.synced() && !stop.stop_requested()) pause(kLook, stop);
  const auto taken = takeUp(stop);
  if (!taken) return taken;
  enqueueAll();
  return {};
}

bool Term::workOnce(Kind kind, const std::stop_token& stop) {
  switch (kind) {
    case Kind::kServices:
      return serviceController_.workOnce(stop);
    case Kind::kIps:
      return claimController_.workOnce(stop);
    case Kind::kPools:
      return poolController_.workOnce(stop);
  }
  return false;
}

void Term::end() {
  serviceController_.stop();
  claimController_.stop();
  poolController_.stop();
}

Result<void> Term::takeUp(const std::stop_token& stop) {
  kube::Backoff backoff(clock_, kube::systemRandom());
  while (!stop.stop_requested()) {
    const auto done = takeUpOnce(stop);
    if (done && *done) return {};
    if (done) {  // the lists are outdated by now: begin again
      pause(backoff.next(), stop);
      continue;
    }
    log::warn("cannot list what is held; nothing is given until then",
              {{"error", done.error().message}});
    pause(std::max(backoff.next(), done.error().retryAfter), stop);
  }
  return fail(ErrorCode::kStopped, "stopped before everything that is held was taken up");
}

// False: the stores do not get as far as the lists in time.
Result<bool> Term::takeUpOnce(const std::stop_token& stop) {
  const auto pools = listPools(api_, stop);
  if (!pools) return tl::make_unexpected(pools.error());
  auto claims = listClaims(api_, stop);
  if (!claims) return tl::make_unexpected(std::move(claims.error()));
  auto services = listServices(api_, serviceDecoder(options_.compat), stop);
  if (!services) return tl::make_unexpected(std::move(services.error()));
  const MonotonicTime start = clock_.now();
  while (behind(stores_.pools, *pools) || behind(stores_.claims, *claims) ||
         behind(stores_.services, *services)) {
    if (stop.stop_requested()) return fail(ErrorCode::kStopped, "stopped");
    if (clock_.now() - start > kMostBehind) return false;
    pause(kLook, stop);
  }
  pools_.refresh();
  const assigner::Snapshot snapshot{std::move(*claims), std::move(*services),
                                    [this](const std::string& name) {
                                      return stores_.namespaces.get({"", name});
                                    }};
  const auto adopted = ledger_.with([&](assigner::Allocator& allocator) {
    return assigner::takeUp(allocator, snapshot,
                            {options_.services.requireClass, options_.services.adopt});
  });
  for (const model::Service* const service : adopted) {
    events_.emit(assigner::adoptedEvent(*service));
  }
  log::info("took up what is held", {{"addresses", std::to_string(held())},
                                     {"adopted", std::to_string(adopted.size())},
                                     {"pools", std::to_string(stores_.pools.size())}});
  return true;
}

void Term::pause(std::chrono::milliseconds time, const std::stop_token& stop) const {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  clock_.waitUntil(lock, wake, stop, clock_.now() + time, [] { return false; });
}

void Term::enqueueAll() {
  for (const auto& pool : stores_.pools.all()) poolQueue_.add(pool->key);
  for (const auto& claim : stores_.claims.all()) {
    claimQueue_.add(claim->key);
    if (claim->serviceOwner) serviceQueue_.add(assigner::ownerOf(*claim));
  }
  for (const auto& service : stores_.services.all()) {
    if (isRelevant(service)) serviceQueue_.add(service->key);
  }
}

void Term::wakeWaiters() { serviceQueue_.add(kEveryWaiter); }

Result<kube::ReconcileResult> Term::reconcileService(const ObjectKey& key,
                                                     const std::stop_token& stop) {
  if (key != kEveryWaiter) return services_.reconcile(key, stop);
  for (const ObjectKey& claim : claims_.waiters()) claimQueue_.add(claim);
  for (const ObjectKey& service : services_.waiters()) serviceQueue_.add(service);
  return kube::ReconcileResult{};
}

void Term::wakeHolders(const std::vector<assigner::PoolHolder>& holders) {
  for (const assigner::PoolHolder& each : holders) {
    if (each.holder.kind == assigner::Holder::Kind::kReservation) {
      claimQueue_.add(each.holder.key);
      for (const ObjectKey& user : each.users) serviceQueue_.add(user);
    } else {
      serviceQueue_.add(each.holder.key);
      wakeClaimsOf(each.holder.key);
    }
  }
}

void Term::wakeClaimsOf(const ObjectKey& service) {
  for (const ObjectKey& claim : stores_.claimIndex.claimsOf(service)) claimQueue_.add(claim);
}

Result<kube::ReconcileResult> Term::reconcilePool(const ObjectKey& key,
                                                  const std::stop_token& stop) {
  if (key != kEveryPool) return pools_.reconcile(key, stop);
  for (const auto& pool : stores_.pools.all()) poolQueue_.add(pool->key);
  return kube::ReconcileResult{};
}

// The address of a Service is worth more than the status of an IP object that says the same: it is
// written when no Service waits for a worker any more, or at a slow pace.
Result<kube::ReconcileResult> Term::reconcileClaim(const ObjectKey& key,
                                                   const std::stop_token& stop) {
  if (key == kHeldBack) return releaseClaims();
  const bool itsTurn = letThrough_.set(key, false);
  const auto claim = stores_.claims.get(key);
  const bool record = claim && claim->serviceOwner;
  if (record && !itsTurn && serviceQueue_.size() > 0) {
    heldBack_.set(key, true);
    claimQueue_.addAfter(kHeldBack, kRecordPace);
    return kube::ReconcileResult{};
  }
  return claims_.reconcile(key, stop);
}

// One of those that are held back, or all.
kube::ReconcileResult Term::releaseClaims() {
  const bool busy = serviceQueue_.size() > 0;
  for (const ObjectKey& claim : heldBack_.all()) {
    heldBack_.set(claim, false);
    if (busy) letThrough_.set(claim, true);
    claimQueue_.add(claim);
    if (busy) return kube::ReconcileResult{kRecordPace};
  }
  return kube::ReconcileResult{};
}

void Term::onService(const ServicePtr& before, const ServicePtr& after) {
  const ObjectKey& key = (after ? after : before)->key;
  if (isRelevant(before) || isRelevant(after)) serviceQueue_.add(key);
  if (before && after && before->labels != after->labels) wakeClaimsOf(key);
  // A reservation may wait for all who have its address to name it.
  if (after && (!before || before->annotations != after->annotations)) {
    for (const std::string& claim : assigner::requestedClaims(*after)) {
      claimQueue_.add({key.ns, claim});
    }
  }
}

void Term::onPool(const PoolPtr& before, const PoolPtr& after) {
  const bool same = before && after && before->uid == after->uid &&
                    before->generation == after->generation && before->deleting == after->deleting;
  if (same) {
    // A status, most likely our own: looked at together with the counts, and no more often.
    poolQueue_.addAfter(kEveryPool, kPoolDelay);
  } else {
    poolQueue_.add((after ? after : before)->key);
  }
}

void Term::onClaim(const ClaimPtr& before, const ClaimPtr& after) {
  const ObjectKey& key = (after ? after : before)->key;
  claimQueue_.add(key);
  const bool same = before && after && before->spec == after->spec &&
                    before->serviceOwner == after->serviceOwner &&
                    before->deleting == after->deleting;
  if (same) return;
  const std::string owner = after && after->serviceOwner ? after->serviceOwner->uid : "";
  if (services_.claimSeen(key, owner)) return;
  if (before && before->serviceOwner) serviceQueue_.add(assigner::ownerOf(*before));
  if (after && after->serviceOwner) serviceQueue_.add(assigner::ownerOf(*after));
}

void Term::onNamespace(const NamespacePtr& before, const NamespacePtr& after) {
  if (!after || (before && before->labels == after->labels)) return;
  const std::string& ns = after->key.name;
  for (const auto& service : stores_.services.allIn(ns)) {
    if (isRelevant(service)) serviceQueue_.add(service->key);
  }
  for (const auto& claim : stores_.claims.allIn(ns)) claimQueue_.add(claim->key);
  poolQueue_.addAfter(kEveryPool, kPoolDelay);
}

std::size_t Term::held() {
  return ledger_.with(
      [](assigner::Allocator& allocator) { return allocator.holds().all().size(); });
}

bool Term::idle() const {
  return serviceQueue_.idle() && claimQueue_.idle() && claimQueue_.waiting() == 0 &&
         poolQueue_.idle();
}

}  // namespace barevip::controlplane
