// SPDX-License-Identifier: Apache-2.0
#include "assigner/service_reconciler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "assigner/adoption.h"
#include "assigner/api_writes.h"
#include "assigner/misfit.h"
#include "assigner/record_name.h"
#include "assigner/request.h"
#include "assigner/take_up.h"
#include "common/base/rfc3339.h"

namespace barevip::assigner {
namespace {

using kube::ReconcileResult;

constexpr const char* kAssigned = "Assigned";

std::string sentence(const Choice& choice) {
  std::string text;
  for (const Assignment& each : choice.addresses) {
    text += (text.empty() ? "" : ", ") + each.address.toString();
  }
  if (choice.refusal) {
    return choice.refusal->message + (text.empty() ? "" : "; the Service keeps " + text);
  }
  return text + (choice.incomplete ? "; " + choice.incomplete->message : " assigned");
}

model::Condition conditionOf(const Choice& choice, const std::optional<Explanation>& misfit) {
  model::Condition condition{kAddressAssigned, "True", kAssigned, sentence(choice)};
  if (choice.refusal) {
    condition.status = "False";
    condition.reason = nameOf(choice.refusal->reason);
  } else if (misfit) {
    condition.reason = misfit->reason;
    condition.message += "; " + misfit->message;
  }
  return condition;
}

// The IP objects that record who has the address.
std::vector<kube::ObjectKey> recordsOf(const Hold& hold, const IpAddress& address) {
  if (hold.kind == Holder::Kind::kReservation) return {hold.owner};
  std::vector<kube::ObjectKey> records;
  for (const Sharer& user : hold.users) {
    records.push_back({user.service.ns, recordName(user.service.name, address)});
  }
  return records;
}

// The record is refused until somebody acts: its name is taken; or there is no right to make it, a
// quota, a schema that is not ours, no such resource or one that is being deleted. A token that is
// not accepted is replaced without anybody.
bool isRefusal(const Error& error) {
  constexpr int kUnauthorized = 401;
  return error.code == ErrorCode::kAlreadyExists || error.code == ErrorCode::kInvalid ||
         error.code == ErrorCode::kUnsupported ||
         (error.code == ErrorCode::kForbidden && error.detail != kUnauthorized);
}

model::Condition withoutRecord(const Choice& choice, const Error& error, bool serve) {
  const bool taken = error.code == ErrorCode::kAlreadyExists;
  model::Condition condition{kAddressAssigned, serve ? "True" : "False",
                             taken ? kRecordNameTaken : kRecordRefused,
                             taken ? error.message
                                   : "the API server refuses the IP object that records the "
                                     "address: " +
                                         error.message};
  if (choice.refusal) condition.message += "; " + choice.refusal->message;
  return condition;
}

// Of all addresses of one Service; the first reason counts.
std::optional<Explanation> misfitsOf(const PoolTable& pools, const Choice& choice,
                                     const Applicant& applicant) {
  std::optional<Explanation> all;
  for (const Assignment& each : choice.addresses) {
    auto misfit = misfitOf(pools, each.address, each.pool, applicant);
    if (!misfit) continue;
    if (all) {
      all->message += "; " + misfit->message;
    } else {
      all = std::move(misfit);
    }
  }
  return all;
}

// Of what we write: the uid, too, since a Service created anew has nothing of the earlier one's.
std::string fingerprint(const std::string& uid,
                        const std::vector<model::LoadBalancerIngress>& ingress,
                        const model::Condition& condition) {
  std::string text = uid + " " + condition.reason + " " + condition.message;
  for (const model::LoadBalancerIngress& entry : ingress) text += " " + entry.ip + entry.ipMode;
  return text;
}

}  // namespace

ServiceReconciler::ServiceReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events,
                                     ClusterView view, Ledger& ledger, AllocationNotices notices,
                                     std::function<bool()> busy, Options options)
    : api_(api),
      clock_(clock),
      events_(events),
      view_(view),
      ledger_(ledger),
      notices_(std::move(notices)),
      busy_(std::move(busy)),
      options_(std::move(options)),
      pace_(clock),
      records_(api, clock, view.claims, view.claimIndex) {}

Result<ReconcileResult> ServiceReconciler::reconcile(const kube::ObjectKey& key,
                                                     const std::stop_token& stop) {
  const ServicePtr service = view_.services.get(key);
  if (!service || !model::isOurs(*service, options_.requireClass)) {
    return withdraw(key, service, stop);
  }
  // It keeps what it has until it is gone, and gets nothing any more.
  if (service->deleting) return ReconcileResult{};
  if (showsForeign(*service, !heldBy(key).empty()) && !adoptShown(*service)) {
    leaveAlone(*service);
    return ReconcileResult{};
  }
  leftAlone_.set(key, false);
  noteForeign(key, ledger_.with([&](Allocator& allocator) {
    return shownBesides(*service, allocator.holds());
  }));
  return serve(*service, stop);
}

Result<ReconcileResult> ServiceReconciler::serve(const model::Service& service,
                                                 const std::stop_token& stop) {
  const auto dropped = dropEarlier(service, stop);
  if (!dropped) return tl::make_unexpected(dropped.error());
  const Decision decision = decide(service);
  const Choice& choice = decision.choice;
  tellOthers(service.key, decision);
  const bool recordLater = mayRecordLater(service, decision);
  std::set<std::string> records;
  for (const Assignment& assignment : choice.addresses) {
    if (!assignment.reservation.empty()) continue;
    records.insert(recordName(service.key.name, assignment.address));
    if (recordLater) continue;
    const auto ensured = records_.ensure(service, assignment, stop);
    if (!ensured) return explainMissingRecord(service, choice, ensured.error(), stop);
    unrecorded_.remove(service.key, assignment.address);
  }
  const auto pause = writeStatus(service, decision, stop);
  if (!pause) {
    // Deleted by now: the watch will tell, and what was made is taken back then.
    if (pause.error().code == ErrorCode::kNotFound) return ReconcileResult{};
    return tl::make_unexpected(pause.error());
  }
  ReconcileResult result{*pause};
  if (pause->count() == 0) {
    const auto removed = records_.removeOthers(service.key, heldBy(service.key), records, stop);
    if (!removed) return tl::make_unexpected(removed.error());
    release(service.key, choice.surplus);
  }
  notices_.changed();
  for (const Assignment& assignment : choice.addresses) {
    if (!assignment.reservation.empty()) {
      notices_.claimUse({service.key.ns, assignment.reservation});
    }
  }
  const bool unseen = std::any_of(records.begin(), records.end(), [&](const std::string& name) {
    return records_.isInFlight({service.key.ns, name});
  });
  if (unseen && (pause->count() == 0 || *pause > ServiceRecords::kInFlight)) {
    result.requeueAfter = ServiceRecords::kInFlight;
  }
  return result;
}

ServiceReconciler::Decision ServiceReconciler::decide(const model::Service& service) {
  const auto ns = view_.namespaces.get({"", service.key.ns});
  const auto request = requestOf(service, ns.get());
  return ledger_.with([&](Allocator& allocator) {
    const std::vector<IpAddress> had = allocator.holds().ofService(service.key);
    Choice choice = request ? allocator.assign(*request)
                            : allocator.keep({service.key, termsOf(service)}, shownBy(service),
                                             {RefusalReason::kBadRequest, request.error().message});
    // Under the lock: who frees an address after this decision must find us among the waiters.
    waiters_.set(service.key, choice.refusal || choice.incomplete);
    auto misfit = misfitsOf(allocator.pools(), choice, applicantOf(service, ns.get()));
    std::vector<IpAddress> gained;
    for (const Assignment& assignment : choice.addresses) {
      const IpAddress& address = assignment.address;
      if (std::find(had.begin(), had.end(), address) != had.end()) continue;
      gained.push_back(address);
      if (assignment.reservation.empty()) unrecorded_.add(service.key, address);
    }
    return Decision{std::move(choice), std::move(misfit), std::move(gained), had.empty()};
  });
}

// IP objects show the terms, and who waits for an address under the same key may fit there now.
void ServiceReconciler::tellOthers(const kube::ObjectKey& service, const Decision& decision) {
  for (const IpAddress& address : decision.gained) tellAllOn(address);
  bool shareable = false;
  for (const Assignment& assignment : decision.choice.addresses) {
    if (!assignment.regranted) continue;
    notices_.claimUse({service.ns, assignment.reservation.empty()
                                       ? recordName(service.name, assignment.address)
                                       : assignment.reservation});
    shareable = shareable || !assignment.shareKey.empty();
  }
  if (shareable) notices_.freed();
}

void ServiceReconciler::tellAllOn(const IpAddress& address) {
  const auto records = ledger_.with([&](Allocator& allocator) {
    const Hold* const hold = allocator.holds().find(address);
    return hold == nullptr ? std::vector<kube::ObjectKey>{} : recordsOf(*hold, address);
  });
  for (const kube::ObjectKey& claim : records) notices_.claimUse(claim);
}

bool ServiceReconciler::adoptShown(const model::Service& service) {
  const bool adopted = ledger_.with([&](Allocator& allocator) {
    const bool done = options_.adopt && adopt(allocator, service);
    // It waits for a Pool that has the address, or for the holder to go.
    waiters_.set(service.key, options_.adopt && !done);
    return done;
  });
  if (adopted) {
    events_.emit(adoptedEvent(service));
    notices_.freed();  // who has its share key may join it now
  }
  return adopted;
}

// The change of its status brings the Service back, behind those that wait.
bool ServiceReconciler::mayRecordLater(const model::Service& service,
                                       const Decision& decision) const {
  const model::Condition* const condition =
      model::findCondition(service.conditions, kAddressAssigned);
  const bool refused = condition != nullptr && (condition->reason == kRecordRefused ||
                                                condition->reason == kRecordNameTaken);
  return decision.first && !refused && service.ingress.empty() && busy_();
}

// What never had a record is not shown, but a record that was lost and cannot be made anew stops no
// traffic. The address stays the Service's in both cases, and the record is tried again.
tl::unexpected<Error> ServiceReconciler::explainMissingRecord(const model::Service& service,
                                                              const Choice& choice,
                                                              const Error& error,
                                                              const std::stop_token& stop) {
  if (!isRefusal(error)) return tl::make_unexpected(error);
  const auto ingress = recordedIngress(service);
  const bool serve = !ingress.empty() && hasWhatItAsksFor(service);
  const model::Condition condition = withoutRecord(choice, error, serve);
  const model::Condition* const before = model::findCondition(service.conditions, kAddressAssigned);
  const bool sameReason =
      before != nullptr && before->reason == condition.reason && before->status == condition.status;
  // The server's words may be others each time.
  const bool said =
      sameReason && (before->message == condition.message || pace_.wroteLately(service.key));
  if (said && service.ingress == ingress) return tl::make_unexpected(error);
  const std::string wanted = fingerprint(service.uid, ingress, condition);
  const auto verdict = pace_.differs(service.key, service.resourceVersion, wanted);
  if (verdict.fightBegins) tellOverwritten(service);
  if (verdict.wait.count() > 0) return tl::make_unexpected(error);
  if (patchStatus(service, ingress, condition, stop)) {
    pace_.wrote(service.key, service.resourceVersion, wanted);
    if (!sameReason && !verdict.overwritten) tell(service, condition);
  }
  return tl::make_unexpected(error);
}

// What it has and once had a record for; what it shows of that comes first.
std::vector<model::LoadBalancerIngress> ServiceReconciler::recordedIngress(
    const model::Service& service) {
  const std::set<IpAddress> never = unrecorded_.of(service.key);
  std::vector<IpAddress> recorded = heldBy(service.key);
  std::erase_if(recorded, [&](const IpAddress& address) { return never.contains(address); });
  std::vector<IpAddress> chosen;
  const auto choose = [&](const IpAddress& address) {
    const auto taken = std::find_if(chosen.begin(), chosen.end(), [&](const IpAddress& other) {
      return other.family() == address.family();
    });
    if (taken == chosen.end()) chosen.push_back(address);
  };
  for (const IpAddress& address : shownBy(service)) {
    if (std::find(recorded.begin(), recorded.end(), address) != recorded.end()) choose(address);
  }
  std::for_each(recorded.begin(), recorded.end(), choose);
  std::vector<model::LoadBalancerIngress> ingress;
  ingress.reserve(chosen.size());
  for (const IpAddress& address : chosen) {
    ingress.push_back({address.toString(), "", options_.ipMode});
  }
  return ingress;
}

// Nodes serve every port of a Service while its condition is True. Without its record they cannot
// tell that another one has a port that it asks for.
bool ServiceReconciler::hasWhatItAsksFor(const model::Service& service) {
  const std::vector<Port> ports = termsOf(service).ports;
  return ledger_.with([&](Allocator& allocator) {
    const HoldTable& holds = allocator.holds();
    for (const IpAddress& address : holds.ofService(service.key)) {
      for (const Sharer& user : holds.find(address)->users) {
        if (user.service == service.key && user.terms.ports != ports) return false;
      }
    }
    return true;
  });
}

std::vector<IpAddress> ServiceReconciler::heldBy(const kube::ObjectKey& service) {
  return ledger_.with([&](Allocator& allocator) { return allocator.holds().ofService(service); });
}

// A Service that is not ours, or not there: what it has from us is taken back. The records go
// first: an address may be given again only when nothing durable claims it any more.
Result<ReconcileResult> ServiceReconciler::withdraw(const kube::ObjectKey& key,
                                                    const ServicePtr& service,
                                                    const std::stop_token& stop) {
  waiters_.set(key, false);
  {
    const std::lock_guard lock(mutex_);
    served_.erase(key);
  }
  pace_.forget(key);
  const std::vector<IpAddress> had = heldBy(key);
  std::vector<IpAddress> given = had;
  // Without our condition the Service shows nothing of ours, whatever IP objects say.
  const bool ours =
      service && model::findCondition(service->conditions, kAddressAssigned) != nullptr;
  for (const kube::ObjectKey& name : view_.claimIndex.claimsOf(key)) {
    const auto claim = ours ? view_.claims.get(name) : nullptr;
    const auto address = IpAddress::parse(claim ? claim->spec.address : "");
    if (address) given.push_back(*address);
  }
  if (service) {
    const auto cleared = clearStatus(*service, given, stop);
    if (!cleared) return tl::make_unexpected(cleared.error());
  }
  const auto removed = records_.removeOthers(key, had, {}, stop);
  if (!removed) return tl::make_unexpected(removed.error());
  release(key, had);
  std::vector<IpAddress> foreign = service ? shownBy(*service) : std::vector<IpAddress>{};
  std::erase_if(foreign, [&](const IpAddress& address) {
    return std::find(given.begin(), given.end(), address) != given.end();
  });
  noteForeign(key, foreign);
  return ReconcileResult{};
}

void ServiceReconciler::leaveAlone(const model::Service& service) {
  const bool known = ledger_.with(
      [&](Allocator& allocator) { return !allocator.holds().ofForeign(service.key).empty(); });
  noteForeign(service.key, shownBy(service));
  if (!leftAlone_.set(service.key, true) || known) return;
  const std::string why = options_.adopt ? "and cannot adopt, because it is in no Pool or held by "
                                           "somebody else, "
                                         : "";
  const std::string how = options_.adopt ? "" : ", or let barevip take it over by --adopt";
  events_.emit({kube::kServices, service.key, service.uid, kube::Event::Type::kWarning,
                "ForeignAddress", "Assign",
                "the Service shows an address that barevip did not give, " + why +
                    "so it is left as it is: empty its status.loadBalancer, or give it the "
                    "loadBalancerClass of whoever serves it" +
                    how});
}

void ServiceReconciler::noteForeign(const kube::ObjectKey& key,
                                    const std::vector<IpAddress>& addresses) {
  if (addresses.empty()) leftAlone_.set(key, false);
  bool changed = false;
  const bool freed = ledger_.with([&](Allocator& allocator) {
    const auto before = allocator.holds().ofForeign(key);
    const bool any = allocator.setForeign(key, addresses);
    changed = allocator.holds().ofForeign(key) != before;
    return any;
  });
  if (changed) notices_.changed();
  if (freed) notices_.freed();
}

// A Service of the same name was deleted and this one created, and we see both at once: what the
// earlier one had is freed. What was taken up is this one's.
Result<void> ServiceReconciler::dropEarlier(const model::Service& service,
                                            const std::stop_token& stop) {
  for (const kube::ObjectKey& key : view_.claimIndex.claimsOf(service.key)) {
    const auto claim = view_.claims.get(key);
    if (!claim || !claim->serviceOwner || claim->serviceOwner->uid == service.uid) continue;
    const auto removed = removeClaim(api_, key, claim->uid, stop);
    if (!removed) return removed;
  }
  const std::size_t uid = std::hash<std::string>{}(service.uid);
  bool another = false;
  {
    const std::lock_guard lock(mutex_);
    const auto [it, fresh] = served_.try_emplace(service.key, uid);
    another = !fresh && std::exchange(it->second, uid) != uid;
  }
  if (another) release(service.key, heldBy(service.key));
  return {};
}

void ServiceReconciler::release(const kube::ObjectKey& service,
                                const std::vector<IpAddress>& addresses) {
  if (addresses.empty()) return;
  for (const IpAddress& address : addresses) {
    ledger_.with([&](Allocator& allocator) { allocator.release(service, address); });
    unrecorded_.remove(service, address);
    tellAllOn(address);
  }
  notices_.changed();
  notices_.freed();
}

Result<std::chrono::milliseconds> ServiceReconciler::writeStatus(const model::Service& service,
                                                                 const Decision& decision,
                                                                 const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kDone{0};
  std::vector<model::LoadBalancerIngress> ingress;
  for (const Assignment& assignment : decision.choice.addresses) {
    ingress.push_back({assignment.address.toString(), "", options_.ipMode});
  }
  const model::Condition condition = conditionOf(decision.choice, decision.misfit);
  const model::Condition* const before = model::findCondition(service.conditions, kAddressAssigned);
  if (before != nullptr && *before == condition && service.ingress == ingress) {
    pace_.agrees(service.key);
    return kDone;
  }
  const std::string wanted = fingerprint(service.uid, ingress, condition);
  const auto verdict = pace_.differs(service.key, service.resourceVersion, wanted);
  if (verdict.fightBegins) tellOverwritten(service);
  if (verdict.wait.count() > 0) return verdict.wait;
  const auto patched = patchStatus(service, ingress, condition, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  pace_.wrote(service.key, service.resourceVersion, wanted);
  const bool sameReason = before != nullptr && before->reason == condition.reason;
  const bool moved =
      condition.reason == kAssigned && before != nullptr && before->message != condition.message;
  if (!verdict.overwritten && (!sameReason || moved)) tell(service, condition);
  return kDone;
}

// The conditions of others stay.
Result<void> ServiceReconciler::patchStatus(const model::Service& service,
                                            const std::vector<model::LoadBalancerIngress>& ingress,
                                            const model::Condition& condition,
                                            const std::stop_token& stop) {
  const WallTime now = clock_.wallNow();
  model::Conditions conditions = service.conditions;
  model::setCondition(conditions, condition, formatSeconds(now));
  return patchServiceStatus(api_, service, ingress, conditions, now, stop);
}

Result<void> ServiceReconciler::clearStatus(const model::Service& service,
                                            const std::vector<IpAddress>& given,
                                            const std::stop_token& stop) {
  const auto ours = [&](const model::LoadBalancerIngress& entry) {
    const auto address = IpAddress::parse(entry.ip);
    return address && std::find(given.begin(), given.end(), *address) != given.end();
  };
  std::vector<model::LoadBalancerIngress> ingress = service.ingress;
  model::Conditions conditions = service.conditions;
  const auto entries = std::erase_if(ingress, ours);
  const auto removed = std::erase_if(
      conditions, [](const model::Condition& each) { return each.type == kAddressAssigned; });
  if (entries == 0 && removed == 0) return {};
  return patchServiceStatus(api_, service, ingress, conditions, clock_.wallNow(), stop);
}

void ServiceReconciler::tell(const model::Service& service, const model::Condition& condition) {
  const bool good = condition.reason == kAssigned;
  events_.emit({kube::kServices, service.key, service.uid,
                good ? kube::Event::Type::kNormal : kube::Event::Type::kWarning, condition.reason,
                "Assign", condition.message});
}

void ServiceReconciler::tellOverwritten(const model::Service& service) {
  events_.emit({kube::kServices, service.key, service.uid, kube::Event::Type::kWarning,
                "StatusOverwritten", "Assign",
                "somebody else keeps writing status.loadBalancer of this Service, so barevip "
                "repairs it less and less often: give the Service the loadBalancerClass of the one "
                "that shall serve it, or stop the other controller"});
}

}  // namespace barevip::assigner
