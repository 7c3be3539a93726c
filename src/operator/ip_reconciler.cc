// SPDX-License-Identifier: Apache-2.0
#include "operator/ip_reconciler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "assigner/claim_index.h"
#include "assigner/misfit.h"
#include "assigner/reservation.h"
#include "common/base/rfc3339.h"
#include "operator/status_writes.h"

namespace barevip::controlplane {
namespace {

using assigner::Allocator;
using assigner::Assignment;
using assigner::Explanation;
using assigner::Hold;
using assigner::Holder;
using assigner::Refusal;
using assigner::RefusalReason;
using assigner::Sharer;
using assigner::Terms;
using kube::ReconcileResult;

constexpr const char* kBound = "Bound";
constexpr const char* kReserved = "Reserved";

// Who uses the address and the ports that they were granted, as many as the API takes: one too many
// must not keep the whole status away.
void fillUse(model::IpClaim::Status& status, const std::vector<Sharer>& users) {
  std::vector<std::string> services;
  std::vector<assigner::Port> ports;
  for (const Sharer& user : users) {
    services.push_back(user.service.name);
    ports.insert(ports.end(), user.terms.ports.begin(), user.terms.ports.end());
  }
  std::sort(ports.begin(), ports.end());
  services.resize(std::min(services.size(), model::IpClaim::kMaxServices));
  status.service = model::joinServiceNames(services);
  status.ports.clear();
  ports.resize(std::min(ports.size(), model::IpClaim::kMaxPorts));
  for (const assigner::Port& port : ports) status.ports.push_back(port.toString());
}

// Whether it is held already, for the share key that the claim has now.
bool hasReservation(const assigner::HoldTable& holds, const model::IpClaim& claim) {
  const auto address = holds.ofReservation(claim.key);
  return address && holds.find(*address)->shareKey == claim.spec.shareKey;
}

// The address is kept, whatever the Pool says by now.
void addMisfit(model::Condition& bound, const std::optional<Explanation>& misfit) {
  if (!misfit) return;
  bound.reason = misfit->reason;
  bound.message += "; " + misfit->message;
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
  const std::optional<Status> status =
      claim->serviceOwner ? ownedStatus(*claim) : reservedStatus(*claim);
  if (!status || *status == claim->status) {
    tellIfNew(key);
    return ReconcileResult{};
  }
  const auto patched = patchClaimStatus(api_, *claim, *status, clock_.wallNow(), stop);
  if (!patched) {
    if (patched.error().code == ErrorCode::kNotFound) return ReconcileResult{};
    return tl::make_unexpected(patched.error());
  }
  tellIfNew(key);
  const model::Condition* const before = model::findCondition(claim->status.conditions, kBound);
  const model::Condition* const after = model::findCondition(status->conditions, kBound);
  const bool sameReason = before != nullptr && before->reason == after->reason;
  if (!claim->serviceOwner && !sameReason) {
    const bool good = after->reason == kReserved;
    events_.emit({kube::kIps, key, claim->uid,
                  good ? kube::Event::Type::kNormal : kube::Event::Type::kWarning, after->reason,
                  "Reserve", after->message});
  }
  return ReconcileResult{};
}

// The reservation is no more. Services that use the address keep it.
void IpReconciler::forget(const kube::ObjectKey& key) {
  waiters_.set(key, false);
  new_.set(key, false);
  std::optional<IpAddress> address;
  std::vector<Sharer> users;
  ledger_.with([&](Allocator& allocator) {
    address = allocator.holds().ofReservation(key);
    if (address) users = allocator.holds().find(*address)->users;
    allocator.unreserve(key);
  });
  if (!address) return;
  notices_.changed();
  for (const Sharer& user : users) notices_.serviceTouched(user.service);
  notices_.freed();  // or to be shared with those who keep it
}

std::optional<IpReconciler::Status> IpReconciler::ownedStatus(const model::IpClaim& claim) {
  const auto address = IpAddress::parse(claim.spec.address);
  if (!address) return std::nullopt;
  const kube::ObjectKey service = assigner::ownerOf(claim);
  std::optional<Terms> granted;
  std::optional<Explanation> misfit;
  std::string pool;
  ledger_.with([&](Allocator& allocator) {
    const Hold* const hold = allocator.holds().find(*address);
    if (hold == nullptr || hold->kind != Holder::Kind::kService) return;
    const Terms* const terms = hold->termsOf(service);
    if (terms == nullptr) return;
    granted = *terms;
    pool = allocator.pools().home(*address, hold->givenFrom());
    misfit = misfitOfUsers(allocator.pools(), *address, pool, {{service, *terms}});
  });
  // Not held for the Service: the Service reconciler removes it.
  if (!granted) return std::nullopt;
  Status status = claim.status;
  status.phase = "Bound";
  status.address = address->toString();
  status.pool = std::move(pool);
  fillUse(status, {{service, *std::move(granted)}});
  model::Condition bound{kBound, "True", "Assigned", "the address is held for the Service"};
  addMisfit(bound, misfit);
  model::setCondition(status.conditions, std::move(bound), formatSeconds(clock_.wallNow()));
  return status;
}

// Of those who have the address, the first for whom the Pool would not give it again.
std::optional<Explanation> IpReconciler::misfitOfUsers(const assigner::PoolTable& pools,
                                                       const IpAddress& address,
                                                       const std::string& pool,
                                                       const std::vector<Sharer>& users) const {
  for (const Sharer& user : users) {
    const auto service = view_.services.get(user.service);
    if (!service) continue;
    const auto ns = view_.namespaces.get({"", service->key.ns});
    auto misfit =
        assigner::misfitOf(pools, address, pool, assigner::applicantOf(*service, ns.get()));
    if (misfit) return misfit;
  }
  return std::nullopt;
}

// Services may wait for it, or to share it. Nobody uses a reservation before it is recorded.
void IpReconciler::tellIfNew(const kube::ObjectKey& key) {
  if (!new_.set(key, false)) return;
  notices_.changed();
  notices_.freed();
}

IpReconciler::Status IpReconciler::reservedStatus(const model::IpClaim& claim) {
  const auto ns = view_.namespaces.get({"", claim.key.ns});
  const auto reservation = assigner::reservationOf(claim, ns.get());
  dropOther(claim, reservation ? reservation->address : std::nullopt);

  const auto names = [&](const kube::ObjectKey& key) {
    const auto service = view_.services.get(key);
    return service && assigner::namesClaim(*service, claim.key.name);
  };
  std::vector<Sharer> users;
  std::optional<Explanation> misfit;
  const auto assignment =
      ledger_.with([&](Allocator& allocator) -> tl::expected<Assignment, Refusal> {
        const bool known = hasReservation(allocator.holds(), claim);
        auto made = reservation ? allocator.reserve(*reservation, names)
                                : tl::make_unexpected(Refusal{RefusalReason::kBadRequest,
                                                              reservation.error().message});
        if (made) {
          if (!known) new_.set(claim.key, true);
          users = allocator.holds().find(made->address)->users;
          misfit = assigner::misfitOf(allocator.pools(), made->address, made->pool,
                                      assigner::applicantOf(claim, ns.get()));
          if (!misfit) misfit = misfitOfUsers(allocator.pools(), made->address, made->pool, users);
        }
        // Under the lock: who frees an address after this must find us among the waiters.
        waiters_.set(claim.key, !made);
        return made;
      });

  Status status = claim.status;
  status.address.clear();
  status.pool.clear();
  status.service.clear();
  status.ports.clear();
  model::Condition condition{kBound, "True", kReserved, ""};
  if (assignment) {
    status.phase = "Bound";
    status.address = assignment->address.toString();
    status.pool = assignment->pool;
    fillUse(status, users);
    condition.message =
        "the address is reserved for the Service that names this IP in the "
        "annotation barevip.dev/ip";
    addMisfit(condition, misfit);
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

}  // namespace barevip::controlplane
