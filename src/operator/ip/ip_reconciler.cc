// SPDX-License-Identifier: Apache-2.0
#include "operator/ip/ip_reconciler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "assigner/allocation/candidates.h"
#include "assigner/allocation/ip_object_owner.h"
#include "assigner/allocation/policy_violation.h"
#include "assigner/allocation/reservation.h"
#include "assigner/service/service_records.h"
#include "common/base/rfc3339.h"
#include "operator/ip/ip_writes.h"

namespace barevip::controlplane {
namespace {

using assigner::Allocation;
using assigner::Allocator;
using assigner::Assignment;
using assigner::ConditionReason;
using assigner::Consumer;
using assigner::Refusal;
using assigner::RefusalReason;
using assigner::ServiceConsumer;
using assigner::SharingTerms;
using kube::ReconcileResult;
using model::IpObject;

constexpr const char* kReserved = "Reserved";

// Who uses the address and the ports that they were granted, as many as the API takes: one too many
// must not keep the whole status away.
void fillUse(IpObject::Status& status, const std::vector<ServiceConsumer>& users) {
  status.services.clear();
  std::vector<assigner::Port> ports;
  for (const ServiceConsumer& user : users) {
    status.services.push_back(user.service.name);
    ports.insert(ports.end(), user.terms.ports.begin(), user.terms.ports.end());
  }
  std::sort(ports.begin(), ports.end());
  status.services.resize(std::min(status.services.size(), IpObject::kMaxServices));
  status.ports.clear();
  ports.resize(std::min(ports.size(), IpObject::kMaxPorts));
  for (const assigner::Port& port : ports) status.ports.push_back(port.toString());
}

// Whether Services may use it already, under the share key that the IP object has now.
bool isUsable(const assigner::AllocationTable& allocations, const IpObject& ipObject) {
  const auto address = allocations.ofReservation(ipObject.key);
  if (!address) return false;
  const Allocation& allocation = *allocations.find(*address);
  return allocation.recorded && allocation.shareKey == ipObject.spec.shareKey;
}

// The verdict is that of the spec of `ipObject`.
void conclude(IpObject::Status& status, const IpObject& ipObject, model::Condition bound,
              WallTime now) {
  bound.observedGeneration = ipObject.generation;
  model::setCondition(status.conditions, std::move(bound), secondsSinceEpoch(now));
  status.observedGeneration = ipObject.generation;
  status.coherent = true;
}

// The address is kept, whatever the Pool says by now.
void addViolation(model::Condition& bound, const std::optional<ConditionReason>& violation) {
  if (!violation) return;
  bound.reason = violation->reason;
  bound.message += "; " + violation->message;
}

}  // namespace

IpReconciler::IpReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, View view,
                           assigner::SharedAllocator& shared, assigner::WaitingList& waiting,
                           assigner::AllocationNotices notices)
    : api_(api),
      clock_(clock),
      events_(events),
      view_(view),
      allocator_(shared),
      waiting_(waiting),
      notices_(std::move(notices)),
      namespaces_(api, view.namespaces),
      statusWrites_(clock),
      pace_(clock) {}

Result<ReconcileResult> IpReconciler::reconcile(const kube::ObjectKey& key,
                                                const std::stop_token& stop) {
  const auto ipObject = view_.ipObjects.get(key);
  if (!ipObject || ipObject->serviceOwner) forget(key);
  if (!ipObject) {
    statusWrites_.succeeded(key);
    pace_.forget(key);
  }
  if (ipObject && ipObject->deleting) waiting_.remove({Consumer::Kind::kReservation, key});
  if (!ipObject || ipObject->deleting) return ReconcileResult{};
  const auto ns = namespaceOf(*ipObject, stop);
  if (!ns) return tl::make_unexpected(ns.error());
  std::optional<Status> status = ipObject->serviceOwner ? ownedStatus(*ipObject) : std::nullopt;
  const bool refused = ipObject->serviceOwner && !status && ipObject->excess;
  if (!ipObject->serviceOwner || refused) status = reservedStatus(*ipObject, ns->get());
  if (!status || *status == ipObject->status) {
    pace_.agrees(key);
    recorded(key);
    return ReconcileResult{};
  }
  const std::string wanted = fingerprintOf(*ipObject, *status);
  const auto verdict = pace_.differs(key, ipObject->resourceVersion, wanted);
  if (verdict.contended)
    events_.emit(assigner::overwrittenEvent(kube::kIps, key, ipObject->uid, "Record", "IP object"));
  if (verdict.wait.count() > 0) return ReconcileResult{verdict.wait};
  const auto patched = patchIpObjectStatus(api_, *ipObject, *status, clock_.wallNow(), stop);
  if (!patched) {
    if (patched.error().code == ErrorCode::kNotFound) return ReconcileResult{};
    if (statusWrites_.failed(key, patched.error())) reportUnwritten(*ipObject, patched.error());
    return tl::make_unexpected(patched.error());
  }
  if (!ipObject->status.phase.empty()) pace_.wrote(key, ipObject->resourceVersion, wanted);
  recorded(key);
  const auto* const before = model::findCondition(ipObject->status.conditions, IpObject::kBound);
  const auto* const after = model::findCondition(status->conditions, IpObject::kBound);
  const bool sameReason = before != nullptr && before->reason == after->reason;
  if (!ipObject->serviceOwner && !sameReason && !verdict.overwritten) {
    const bool good = after->reason == kReserved;
    events_.emit({kube::kIps, key, ipObject->uid,
                  good ? kube::Event::Type::kNormal : kube::Event::Type::kWarning, after->reason,
                  "Reserve", after->message});
  }
  return ReconcileResult{};
}

// The reservation no longer exists. Services that use the address keep it.
void IpReconciler::forget(const kube::ObjectKey& key) {
  waiting_.remove({Consumer::Kind::kReservation, key});
  new_.set(key, false);
  std::optional<IpAddress> address;
  std::vector<ServiceConsumer> users;
  bool everywhere = false;
  allocator_.with([&](Allocator& allocator) {
    address = allocator.allocations().ofReservation(key);
    if (address) {
      const Allocation& allocation = *allocator.allocations().find(*address);
      users = allocation.users;
      const std::string pool = allocator.pools().home(*address, allocation.sourcePool());
      everywhere = assigner::isSharedBeyond(allocator.pools(), allocator.allocations(), *address,
                                            pool, key.ns);
    }
    allocator.unreserve(key);
  });
  if (!address) return;
  notices_.changed();
  for (const ServiceConsumer& user : users) {
    notices_.serviceTouched(user.service);
    if (!user.terms.key.empty()) notices_.shareable({key.ns, user.terms.key, everywhere});
  }
  if (users.empty()) notices_.released(key.ns);
}

std::optional<IpReconciler::Status> IpReconciler::ownedStatus(const IpObject& ipObject) {
  const auto address = IpAddress::parse(ipObject.spec.address);
  if (!address) return std::nullopt;
  const kube::ObjectKey service = assigner::ownerOf(ipObject);
  std::optional<SharingTerms> granted;
  std::optional<ConditionReason> violation;
  Text pool;
  bool learned = false;
  allocator_.with([&](Allocator& allocator) {
    const Allocation* const allocation = allocator.allocations().find(*address);
    if (allocation == nullptr || allocation->kind != Consumer::Kind::kService) return;
    const ServiceConsumer* const consumer = allocation->user(service);
    if (consumer == nullptr || !assigner::mayRecord(ipObject, consumer->sourcePool)) return;
    if (consumer->sourcePool.empty() && knowsGiver(ipObject)) {
      learned = allocator.restore({service, consumer->terms, ipObject.spec.pool}, *address,
                                  Allocator::Evidence::kRecorded);
    }
    granted = consumer->terms;
    pool = allocator.pools().home(*address, allocation->sourcePool());
    violation = violationOfUsers(allocator.pools(), *address, pool, {*consumer});
  });
  if (learned) {
    notices_.changed();
    notices_.serviceTouched(service);
  }
  // No record of what the Service has: the Service reconciler removes it.
  if (!granted) return std::nullopt;
  Status status = ipObject.status;
  status.phase = "Bound";
  status.address = address->toString();
  status.pool = std::move(pool);
  fillUse(status, {{service, *std::move(granted)}});
  model::Condition bound{IpObject::kBound, "True", "Assigned",
                         "the address is allocated to the Service"};
  addViolation(bound, violation);
  conclude(status, ipObject, std::move(bound), clock_.wallNow());
  return status;
}

// This leader found the address in the Service's status alone, and the one before it, which knew
// the Pool, still wrote the record.
bool IpReconciler::knowsGiver(const IpObject& ipObject) const {
  const auto service = view_.services.get(assigner::ownerOf(ipObject));
  return service && service->uid == ipObject.serviceOwner->uid &&
         ipObject.status.phase == "Bound" && !ipObject.spec.pool.empty();
}

// Of those who have the address, the first for whom the Pool would not give it again.
std::optional<ConditionReason> IpReconciler::violationOfUsers(
    const assigner::PoolTable& pools, const IpAddress& address, const std::string& pool,
    const std::vector<ServiceConsumer>& users) const {
  for (const ServiceConsumer& user : users) {
    const auto service = view_.services.get(user.service);
    if (!service) continue;
    const auto ns = view_.namespaces.get({"", service->key.ns});
    auto violation =
        assigner::violationOf(pools, address, pool, assigner::requesterOf(*service, ns.get()));
    if (violation) return violation;
  }
  return std::nullopt;
}

// Nodes announce what the status says: without it, the address is allocated and nobody answers.
void IpReconciler::reportUnwritten(const IpObject& ipObject, const Error& error) {
  const auto emit = [&](const kube::Resource& of, const kube::ObjectKey& key, const Text& uid) {
    events_.emit({of, key, uid, kube::Event::Type::kWarning, "StatusRefused", "Record",
                  "the API server does not take the status of the IP object " + ipObject.key.name +
                      ", so no node begins to announce its address: " + error.message});
  };
  emit(kube::kIps, ipObject.key, ipObject.uid);
  if (ipObject.serviceOwner) {
    emit(kube::kServices, assigner::ownerOf(ipObject), ipObject.serviceOwner->uid);
  }
}

// The status is as it should be. Nobody uses a reservation before; Services may wait for it, or to
// share it.
void IpReconciler::recorded(const kube::ObjectKey& key) {
  statusWrites_.succeeded(key);
  if (!new_.set(key, false)) return;
  allocator_.with([&](Allocator& allocator) { allocator.recorded(key); });
  notices_.changed();
  notices_.usable(key);
}

Result<assigner::Namespaces::Ptr> IpReconciler::namespaceOf(const IpObject& ipObject,
                                                            const std::stop_token& stop) {
  const bool matters = !ipObject.serviceOwner && allocator_.with([&](Allocator& allocator) {
    return !allocator.allocations().ofReservation(ipObject.key) &&
           allocator.pools().selectNamespaces();
  });
  if (!matters) return namespaces_.known(ipObject.key.ns);
  return namespaces_.asOf(ipObject.key.ns, ipObject.resourceVersion, stop);
}

IpReconciler::Status IpReconciler::reservedStatus(const IpObject& ipObject,
                                                  const model::Namespace* ns) {
  const auto reservation = assigner::reservationOf(ipObject, ns);
  // It holds an address that its status does not show yet, and counts no longer.
  if (ipObject.excess) forget(ipObject.key);
  dropOther(ipObject, reservation ? reservation->address : std::nullopt);

  const auto names = [&](const kube::ObjectKey& key) {
    const auto service = view_.services.get(key);
    return service && assigner::namesIpObject(*service, ipObject.key.name);
  };
  std::vector<ServiceConsumer> users;
  std::optional<ConditionReason> violation;
  const auto assignment =
      allocator_.with([&](Allocator& allocator) -> tl::expected<Assignment, Refusal> {
        const bool known = isUsable(allocator.allocations(), ipObject);
        auto made = reservation ? allocator.reserve(*reservation, names)
                                : tl::make_unexpected(reservation.error());
        if (made) {
          if (!known) new_.set(ipObject.key, true);
          users = allocator.allocations().find(made->address)->users;
          violation = assigner::violationOf(allocator.pools(), made->address, made->pool,
                                            assigner::requesterOf(ipObject, ns));
          if (!violation)
            violation = violationOfUsers(allocator.pools(), made->address, made->pool, users);
        }
        // Under the lock: who frees an address after this must find us among the waiters.
        const Consumer who{Consumer::Kind::kReservation, ipObject.key};
        if (made) {
          waiting_.remove(who);
        } else {
          const Refusal& refusal = made.error();
          waiting_.put(who, {ipObject.creationSeconds,
                             refusal.reason,
                             assigner::WaitingList::Standing::kWaits,
                             {},
                             refusal.obstacle});
        }
        return made;
      });
  notices_.decided({Consumer::Kind::kReservation, ipObject.key});

  Status status = ipObject.status;
  status.address.clear();
  status.pool.clear();
  status.services.clear();
  status.ports.clear();
  model::Condition condition{IpObject::kBound, "True", kReserved, ""};
  if (assignment) {
    status.phase = "Bound";
    status.address = assignment->address.toString();
    status.pool = assignment->pool;
    fillUse(status, users);
    condition.message =
        "the address is reserved for the Service that names this IP in the "
        "annotation barevip.dev/ip";
    addViolation(condition, violation);
  } else {
    const bool held = assignment.error().reason == RefusalReason::kAddressHeld;
    status.phase = held ? "Conflict" : "Pending";
    condition.status = "False";
    condition.reason = nameOf(assignment.error().reason);
    condition.message = assignment.error().message;
  }
  conclude(status, ipObject, std::move(condition), clock_.wallNow());
  return status;
}

// An IP object of the same name was deleted and this one, with another address, created.
void IpReconciler::dropOther(const IpObject& ipObject, const std::optional<IpAddress>& wanted) {
  if (!wanted) return;
  const auto held = allocator_.with(
      [&](Allocator& allocator) { return allocator.allocations().ofReservation(ipObject.key); });
  if (held && *held != *wanted) forget(ipObject.key);
}

}  // namespace barevip::controlplane
