// SPDX-License-Identifier: Apache-2.0
#include "operator/ip_reconciler.h"

#include <string>
#include <utility>

#include "assigner/claim_index.h"
#include "assigner/reservation.h"
#include "common/base/rfc3339.h"
#include "operator/status_writes.h"

namespace barevip::controlplane {
namespace {

using assigner::Allocator;
using assigner::Assignment;
using assigner::Hold;
using assigner::Holder;
using assigner::Refusal;
using assigner::RefusalReason;
using kube::ReconcileResult;

constexpr const char* kBound = "Bound";

std::vector<std::string> portsOf(const model::Service& service) {
  std::vector<std::string> ports;
  for (const model::ServicePort& port : service.ports) {
    ports.push_back(std::to_string(port.port) + "/" + std::string(toString(port.protocol)));
  }
  return ports;
}

}  // namespace

IpReconciler::IpReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, View view,
                           assigner::Ledger& ledger, Notices notices)
    : api_(api),
      clock_(clock),
      events_(events),
      view_(view),
      ledger_(ledger),
      notices_(std::move(notices)) {}

Result<ReconcileResult> IpReconciler::reconcile(const kube::ObjectKey& key,
                                                const std::stop_token& stop) {
  const auto claim = view_.claims.get(key);
  if (!claim || claim->serviceOwner) forget(key);
  if (!claim || claim->deleting) return ReconcileResult{};
  std::optional<Status> status = claim->serviceOwner ? ownedStatus(*claim) : reservedStatus(*claim);
  // One port too many must not keep the whole status away.
  if (status && status->ports.size() > model::IpClaim::kMaxPorts) {
    status->ports.resize(model::IpClaim::kMaxPorts);
  }
  if (!status || *status == claim->status) return ReconcileResult{};
  const auto patched = patchClaimStatus(api_, *claim, *status, clock_.wallNow(), stop);
  if (!patched) {
    if (patched.error().code == ErrorCode::kNotFound) return ReconcileResult{};
    return tl::make_unexpected(patched.error());
  }
  const model::Condition* const before = model::findCondition(claim->status.conditions, kBound);
  const model::Condition* const after = model::findCondition(status->conditions, kBound);
  const bool sameReason = before != nullptr && before->reason == after->reason;
  if (!claim->serviceOwner && !sameReason) {
    const bool good = after->status == "True";
    events_.emit({kube::kIps, key, claim->uid,
                  good ? kube::Event::Type::kNormal : kube::Event::Type::kWarning, after->reason,
                  "Reserve", after->message});
  }
  return ReconcileResult{};
}

// The reservation is no more. A Service that uses the address keeps it.
void IpReconciler::forget(const kube::ObjectKey& key) {
  setWaiting(key, false);
  std::optional<IpAddress> address;
  std::optional<kube::ObjectKey> user;
  const bool freed = ledger_.with([&](Allocator& allocator) {
    address = allocator.holds().ofReservation(key);
    if (address) user = allocator.holds().find(*address)->user;
    return allocator.unreserve(key);
  });
  if (address) notices_.changed();
  if (user) notices_.serviceTouched(*user);
  if (freed) notices_.freed();
}

std::optional<IpReconciler::Status> IpReconciler::ownedStatus(const model::IpClaim& claim) {
  const auto address = IpAddress::parse(claim.spec.address);
  if (!address) return std::nullopt;
  const kube::ObjectKey service = assigner::ownerOf(claim);
  const auto pool = ledger_.with([&](Allocator& allocator) -> std::optional<std::string> {
    const Hold* const hold = allocator.holds().find(*address);
    const bool holds = hold != nullptr && hold->holder == Holder{Holder::Kind::kService, service};
    if (!holds) return std::nullopt;
    return allocator.pools().home(*address, hold->pool);
  });
  // Not held for the Service: the Service reconciler removes it.
  if (!pool) return std::nullopt;
  Status status = claim.status;
  status.phase = "Bound";
  status.address = address->toString();
  status.pool = *pool;
  fillUse(status, claim, service);
  model::setCondition(status.conditions,
                      {kBound, "True", "Assigned", "the address is held for the Service"},
                      formatSeconds(clock_.wallNow()));
  return status;
}

IpReconciler::Status IpReconciler::reservedStatus(const model::IpClaim& claim) {
  const auto ns = view_.namespaces.get({"", claim.key.ns});
  const auto reservation = assigner::reservationOf(claim, ns.get());
  dropOther(claim, reservation ? reservation->address : std::nullopt);

  bool isNew = false;
  std::optional<kube::ObjectKey> user;
  const auto assignment =
      ledger_.with([&](Allocator& allocator) -> tl::expected<Assignment, Refusal> {
        isNew = !allocator.holds().ofReservation(claim.key);
        auto made = reservation ? allocator.reserve(*reservation)
                                : tl::make_unexpected(Refusal{RefusalReason::kBadRequest,
                                                              reservation.error().message});
        if (made) user = allocator.holds().find(made->address)->user;
        // Under the lock: who frees an address after this must find us among the waiters.
        setWaiting(claim.key, !made);
        return made;
      });

  Status status = claim.status;
  status.address.clear();
  status.pool.clear();
  status.service.clear();
  status.ports.clear();
  model::Condition condition{kBound, "True", "Reserved", ""};
  if (assignment) {
    if (isNew) {
      notices_.changed();
      notices_.freed();  // Services may wait for this reservation
    }
    status.phase = "Bound";
    status.address = assignment->address.toString();
    status.pool = assignment->pool;
    if (user) fillUse(status, claim, *user);
    condition.message =
        "the address is reserved for the Service that names this IP in the "
        "annotation barevip.dev/ip";
  } else {
    const bool held = assignment.error().reason == RefusalReason::kAddressHeld;
    status.phase = held ? "Conflict" : "Pending";
    condition.status = "False";
    condition.reason = nameOf(assignment.error().reason);
    condition.message = assignment.error().message;
  }
  model::setCondition(status.conditions, std::move(condition), formatSeconds(clock_.wallNow()));
  return status;
}

// An IP object of the same name was deleted and this one, with another address, created.
void IpReconciler::dropOther(const model::IpClaim& claim, const std::optional<IpAddress>& wanted) {
  if (!wanted) return;
  const auto held = ledger_.with(
      [&](Allocator& allocator) { return allocator.holds().ofReservation(claim.key); });
  if (held && *held != *wanted) forget(claim.key);
}

void IpReconciler::fillUse(Status& status, const model::IpClaim& claim,
                           const kube::ObjectKey& service) const {
  status.service = service.name;
  const auto user = view_.services.get({claim.key.ns, service.name});
  status.ports = user ? portsOf(*user) : std::vector<std::string>{};
}

void IpReconciler::setWaiting(const kube::ObjectKey& key, bool waits) {
  const std::lock_guard lock(mutex_);
  if (waits) {
    waiters_.insert(key);
  } else {
    waiters_.erase(key);
  }
}

std::vector<kube::ObjectKey> IpReconciler::waiters() const {
  const std::lock_guard lock(mutex_);
  return {waiters_.begin(), waiters_.end()};
}

}  // namespace barevip::controlplane
