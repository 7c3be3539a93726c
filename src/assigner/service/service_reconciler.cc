// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_reconciler.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "assigner/allocation/candidates.h"
#include "assigner/allocation/request.h"
#include "assigner/restore/shown.h"
#include "assigner/service/api_writes.h"
#include "assigner/service/missing_record.h"
#include "assigner/service/record_name.h"
#include "assigner/service/service_events.h"

namespace barevip::assigner {
namespace {

using kube::ReconcileResult;
using std::chrono::milliseconds;

// The IP objects that record who has the address.
std::vector<kube::ObjectKey> recordsOf(const Allocation& allocation, const IpAddress& address) {
  if (allocation.kind == Consumer::Kind::kReservation) return {allocation.owner};
  std::vector<kube::ObjectKey> records;
  records.reserve(allocation.users.size());
  for (const ServiceConsumer& user : allocation.users) {
    records.push_back({user.service.ns, recordName(user.service.name, address)});
  }
  return records;
}

}  // namespace

ServiceReconciler::ServiceReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events,
                                     ClusterView view, SharedAllocator& shared,
                                     WaitingList& waiting, AllocationNotices notices,
                                     std::function<bool()> busy, Options options)
    : api_(api),
      events_(events),
      view_(view),
      allocator_(shared),
      waiting_(waiting),
      notices_(std::move(notices)),
      busy_(std::move(busy)),
      options_(std::move(options)),
      namespaces_(api, view.namespaces),
      records_(api, clock, view.ipObjects, view.ipObjectIndex),
      status_(api, clock, events),
      recordWrites_(clock),
      statusWrites_(clock) {}

Result<ReconcileResult> ServiceReconciler::reconcile(const kube::ObjectKey& key,
                                                     const std::stop_token& stop) {
  ServiceView view = look(key);
  if (!view.ours) {
    memory_.forget(key);
    status_.forget(key);
    recordWrites_.succeeded(key);
    statusWrites_.succeeded(key);
    return execute(view, planFor(view), stop);
  }
  // It keeps what it has until it is gone, and gets nothing any more.
  if (view.service->deleting) return leaves(key);
  const auto dropped = dropEarlier(*view.service, stop);
  if (!dropped) return tl::make_unexpected(dropped.error());
  auto ns = namespaceOf(*view.service, stop);
  if (!ns) return tl::make_unexpected(ns.error());
  view.ns = *std::move(ns);
  // Its IP objects may go before it does, and the API server takes no new ones.
  if (view.ns && view.ns->deleting) return leaves(key);
  return execute(view, planFor(view), stop);
}

ReconcileResult ServiceReconciler::leaves(const kube::ObjectKey& key) {
  waiting_.remove({Consumer::Kind::kService, key});
  return ReconcileResult{};
}

ServiceView ServiceReconciler::look(const kube::ObjectKey& key) {
  ServiceView view;
  view.key = key;
  view.service = view_.services.get(key);
  for (const kube::ObjectKey& record : view_.ipObjectIndex.ipObjectsOf(key)) {
    if (auto ipObject = view_.ipObjects.get(record)) view.records.push_back(std::move(ipObject));
  }
  view.servedAsItIs = view.service && memory_.servedAsItIs(*view.service);
  view.ours = allocator_.with(
      [&](Allocator& allocator) { return isOurs(view, allocator.allocations(), options_); });
  view.leftAlone = memory_.leftAlone(key);
  view.busy = busy_();
  return view;
}

// A Service of the same name was deleted and this one created, and we see both at once: what the
// earlier one had is freed.
Result<void> ServiceReconciler::dropEarlier(const model::Service& service,
                                            const std::stop_token& stop) {
  for (const kube::ObjectKey& key : view_.ipObjectIndex.ipObjectsOf(service.key)) {
    const auto ipObject = view_.ipObjects.get(key);
    if (!ipObject || !ipObject->serviceOwner || ipObject->serviceOwner->uid == service.uid)
      continue;
    const auto removed = removeIpObject(api_, key, ipObject->uid, stop);
    if (!removed) return removed;
  }
  if (!memory_.seen(service)) return {};
  recordWrites_.succeeded(service.key);
  statusWrites_.succeeded(service.key);
  release(service.key, allocator_.with([&](Allocator& allocator) {
    return allocator.allocations().ofService(service.key);
  }));
  return {};
}

Result<Namespaces::Ptr> ServiceReconciler::namespaceOf(const model::Service& service,
                                                       const std::stop_token& stop) {
  const bool matters = allocator_.with([&](Allocator& allocator) {
    return allocator.allocations().ofService(service.key).empty() &&
           allocator.pools().selectNamespaces();
  });
  if (!matters) return namespaces_.known(service.key.ns);
  return namespaces_.asOf(service.key.ns, service.resourceVersion, stop);
}

ServicePlan ServiceReconciler::planFor(ServiceView& view) {
  ServicePlan plan = allocator_.with([&](Allocator& allocator) {
    if (view.ours) {
      view.entered = enterShown(allocator, *view.service, requesterOf(*view.service, view.ns.get()),
                                {options_.adopt, status_.isSeenLate(*view.service)});
    }
    ServicePlan decided = decide(view, allocator.pools(), allocator.allocations(), options_);
    grant(allocator, view, decided);
    return decided;
  });
  notices_.decided({Consumer::Kind::kService, view.key});
  memory_.setLeftAlone(view.key, plan.leftAlone);
  notify(view.key, view.entered.change);
  notify(plan);
  return plan;
}

// Under the lock: who frees an address after this decision must find the Service among the waiters.
void ServiceReconciler::grant(Allocator& allocator, const ServiceView& view,
                              const ServicePlan& plan) {
  const Consumer who{Consumer::Kind::kService, view.key};
  if (plan.waits) {
    waiting_.put(who, *plan.waits);
  } else {
    waiting_.remove(who);
  }
  if (plan.choice.addresses.empty()) return;
  allocator.grant({view.key, termsOf(*view.service)}, plan.choice);
  for (const Assignment& assignment : plan.choice.addresses) {
    const bool gained =
        std::find(plan.gained.begin(), plan.gained.end(), assignment.address) != plan.gained.end();
    if (gained && assignment.reservation.empty())
      memory_.addUnrecorded(view.key, assignment.address);
  }
}

Result<ReconcileResult> ServiceReconciler::execute(const ServiceView& view, const ServicePlan& plan,
                                                   const std::stop_token& stop) {
  if (plan.show) {
    const auto recorded = writeRecords(*view.service, plan, stop);
    if (!recorded) return tl::make_unexpected(recorded.error());
  }
  const auto pause = writeStatus(view, plan, stop);
  if (!pause) {
    // Deleted already: the watch will show it, and what was made is removed then.
    const bool gone = plan.show && pause.error().code == ErrorCode::kNotFound;
    if (gone) return ReconcileResult{};
    if (view.service) statusFails(*view.service, pause.error());
    return tl::make_unexpected(pause.error());
  }
  statusWrites_.succeeded(view.key);
  if (pause->count() == 0) {
    const auto cleared = clear(view.key, plan, stop);
    if (!cleared) return tl::make_unexpected(cleared.error());
  }
  if (plan.show) notices_.changed();
  for (const kube::ObjectKey& reservation : plan.uses) notices_.ipObjectUse(reservation);
  return ReconcileResult{nextLook(view.key, plan, *pause)};
}

Result<void> ServiceReconciler::writeRecords(const model::Service& service, const ServicePlan& plan,
                                             const std::stop_token& stop) {
  for (const Assignment& assignment : plan.records) {
    const auto ensured = records_.ensure(service, assignment, stop);
    if (!ensured) {
      explainMissingRecord(service, plan.choice, ensured.error(), stop);
      return ensured;
    }
    memory_.removeUnrecorded(service.key, assignment.address);
  }
  recordWrites_.succeeded(service.key);
  return {};
}

Result<milliseconds> ServiceReconciler::writeStatus(const ServiceView& view,
                                                    const ServicePlan& plan,
                                                    const std::stop_token& stop) {
  if (plan.show) return status_.show(*view.service, *plan.show, stop);
  if (!view.ours && view.service) {
    const auto withdrawn = status_.withdraw(*view.service, plan.withdraw, stop);
    if (!withdrawn) return tl::make_unexpected(withdrawn.error());
  }
  return milliseconds{0};
}

Result<void> ServiceReconciler::clear(const kube::ObjectKey& key, const ServicePlan& plan,
                                      const std::stop_token& stop) {
  if (plan.keep) {
    const auto removed = records_.removeOthers(key, plan.held, *plan.keep, stop);
    if (!removed) return removed;
  }
  release(key, plan.release);
  if (plan.foreign) {
    notify(key, allocator_.with([&](Allocator& allocator) {
      return holdForeign(allocator, key, *plan.foreign);
    }));
  }
  return {};
}

milliseconds ServiceReconciler::nextLook(const kube::ObjectKey& key, const ServicePlan& plan,
                                         milliseconds pause) {
  if (!plan.keep) return pause;
  const bool unseen =
      std::any_of(plan.keep->begin(), plan.keep->end(), [&](const std::string& name) {
        return records_.isInFlight({key.ns, name});
      });
  const bool sooner = pause.count() == 0 || pause > ServiceRecords::kInFlight;
  return unseen && sooner ? ServiceRecords::kInFlight : pause;
}

void ServiceReconciler::release(const kube::ObjectKey& service,
                                const std::vector<IpAddress>& addresses) {
  if (addresses.empty()) return;
  for (const IpAddress& address : addresses) {
    Shareable shareable{service.ns, "", false};
    std::optional<kube::ObjectKey> reservation;
    allocator_.with([&](Allocator& allocator) {
      const Allocation* const allocation = allocator.allocations().find(address);
      const SharingTerms* const terms =
          allocation == nullptr ? nullptr : allocation->termsOf(service);
      if (terms == nullptr) return;
      shareable.key = terms->key;
      const std::string pool = allocator.pools().home(address, allocation->sourcePool());
      shareable.everywhere =
          isSharedBeyond(allocator.pools(), allocator.allocations(), address, pool, service.ns);
      if (allocation->kind == Consumer::Kind::kReservation) reservation = allocation->owner;
      allocator.release(service, address);
    });
    memory_.removeUnrecorded(service, address);
    notifyAllOn(address);
    notices_.released(service.ns);
    if (!shareable.key.empty()) notices_.shareable(shareable);
    if (reservation) notices_.usable(*reservation);
  }
  notices_.changed();
}

// The address stays the Service's, and the record is tried again.
void ServiceReconciler::explainMissingRecord(const model::Service& service, const Choice& choice,
                                             const Error& error, const std::stop_token& stop) {
  // Its namespace goes, or somebody else is faster.
  const bool passes = error.code == ErrorCode::kStopped || error.code == ErrorCode::kConflict ||
                      error.code == ErrorCode::kNotFound;
  if (passes) return;
  if (!refusesRecord(error) && !recordWrites_.failed(service.key, error)) {
    statusWrites_.succeeded(service.key);
    return;
  }
  const std::set<IpAddress> never = memory_.unrecorded(service.key);
  const ShownStatus status = allocator_.with([&](Allocator& allocator) {
    return statusWithoutRecord(service, choice, allocator.allocations(), never, error);
  });
  // The error of the record counts: it brings the Service back, and writes this then.
  const auto shown = status_.show(service, status, stop);
  if (shown) {
    statusWrites_.succeeded(service.key);
  } else {
    statusFails(service, shown.error());
  }
}

void ServiceReconciler::statusFails(const model::Service& service, const Error& error) {
  if (!statusWrites_.failed(service.key, error)) return;
  events_.emit(statusRefusedEvent(service, error));
}

void ServiceReconciler::tookUp(const std::vector<std::shared_ptr<const model::Service>>& services) {
  for (const auto& service : services) memory_.seen(*service);
}

void ServiceReconciler::notify(const ServicePlan& plan) {
  for (const kube::Event& event : plan.events) events_.emit(event);
  for (const IpAddress& address : plan.gained) notifyAllOn(address);
  for (const kube::ObjectKey& ipObject : plan.termsChanged) notices_.ipObjectUse(ipObject);
  for (const Shareable& each : plan.shareable) notices_.shareable(each);
}

void ServiceReconciler::notify(const kube::ObjectKey& service, const ForeignChange& change) {
  if (change.any) notices_.changed();
  if (!change.released.empty()) notices_.released(service.ns);
}

void ServiceReconciler::notifyAllOn(const IpAddress& address) {
  const auto records = allocator_.with([&](Allocator& allocator) {
    const Allocation* const allocation = allocator.allocations().find(address);
    return allocation == nullptr ? std::vector<kube::ObjectKey>{} : recordsOf(*allocation, address);
  });
  for (const kube::ObjectKey& ipObject : records) notices_.ipObjectUse(ipObject);
}

}  // namespace barevip::assigner
