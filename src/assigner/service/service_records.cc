// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_records.h"

#include <optional>

#include "assigner/service/api_writes.h"
#include "assigner/service/record_name.h"

namespace barevip::assigner {
namespace {

model::IpObject recordOf(const model::Service& service, const Assignment& assignment) {
  model::IpObject ipObject;
  ipObject.key = {service.key.ns, recordName(service.key.name, assignment.address)};
  ipObject.serviceOwner = model::OwnerReference{"v1", "Service", service.key.name, service.uid};
  ipObject.servedClass = model::recordedClass(service);
  ipObject.spec = {assignment.sourcePool, assignment.address.toString(),
                   std::string(toString(assignment.address.family())), assignment.shareKey};
  return ipObject;
}

bool isRecord(const model::IpObject& found, const model::IpObject& wanted) {
  return mayRecord(found, wanted.spec.pool) && found.serviceOwner &&
         found.serviceOwner->uid == wanted.serviceOwner->uid &&
         found.spec.address == wanted.spec.address && !found.deleting;
}

}  // namespace

bool mayRecord(const model::IpObject& ipObject, const std::string& sourcePool) {
  return ipObject.status.phase == "Bound" || ipObject.spec.pool == sourcePool;
}

Result<void> ServiceRecords::ensure(const model::Service& service, const Assignment& assignment,
                                    const std::stop_token& stop) {
  const model::IpObject wanted = recordOf(service, assignment);
  if (const auto found = ipObjects_.get(wanted.key)) {
    if (!isRecord(*found, wanted)) return replace(*found, wanted, stop);
    const bool same =
        found->spec.shareKey == wanted.spec.shareKey && found->servedClass == wanted.servedClass;
    return same ? Result<void>() : patchRecord(api_, *found, wanted, stop);
  }
  {
    const std::lock_guard lock(mutex_);
    const auto it = inFlight_.find(wanted.key);
    const bool sent = it != inFlight_.end() && it->second.serviceUid == service.uid &&
                      clock_.now() - it->second.since < kInFlight;
    if (sent) return {};
    // Before the create: the watch may be faster than the answer.
    inFlight_[wanted.key] = {service.uid, clock_.now()};
  }
  const auto created = createIpObject(api_, wanted, stop);
  if (created) return {};
  forget(wanted.key);
  if (created.error().code != ErrorCode::kAlreadyExists) {
    return tl::make_unexpected(created.error());
  }
  const auto found = readIpObject(api_, wanted.key, stop);
  if (!found) return tl::make_unexpected(found.error());
  if (isRecord(*found, wanted)) return {};
  return replace(*found, wanted, stop);
}

// The name is taken. What an earlier Service of the same name left behind is removed, and so is
// what was changed by hand; what a person made is not ours.
Result<void> ServiceRecords::replace(const model::IpObject& found, const model::IpObject& wanted,
                                     const std::stop_token& stop) {
  if (!found.serviceOwner) {
    return fail(ErrorCode::kAlreadyExists,
                "IP " + found.key.toString() +
                    " has the name that the record of this Service's address needs, but barevip "
                    "did not make it: delete it or give it another name");
  }
  const auto removed = removeIpObject(api_, found.key, found.uid, stop);
  if (!removed) return removed;
  const auto created = createIpObject(api_, wanted, stop);
  if (!created) return tl::make_unexpected(created.error());
  return {};
}

Result<void> ServiceRecords::removeOthers(const kube::ObjectKey& service,
                                          const std::vector<IpAddress>& held,
                                          const std::set<std::string>& except,
                                          const std::stop_token& stop) {
  std::set<kube::ObjectKey> stale;
  for (const kube::ObjectKey& record : index_.ipObjectsOf(service)) stale.insert(record);
  for (const IpAddress& address : held) {
    const kube::ObjectKey record{service.ns, recordName(service.name, address)};
    if (isInFlight(record)) stale.insert(record);
  }
  for (const kube::ObjectKey& record : stale) {
    if (except.contains(record.name)) continue;
    const auto shown = ipObjects_.get(record);
    if (shown && shown->deleting) continue;
    const auto removed = removeIpObject(api_, record, shown ? shown->uid : "", stop);
    if (!removed) return removed;
    forget(record);
  }
  return {};
}

bool ServiceRecords::isInFlight(const kube::ObjectKey& record) {
  const std::lock_guard lock(mutex_);
  return inFlight_.contains(record);
}

bool ServiceRecords::seen(const kube::ObjectKey& record, const std::string& serviceUid) {
  const std::lock_guard lock(mutex_);
  const auto it = inFlight_.find(record);
  if (it == inFlight_.end()) return false;
  const bool ours = it->second.serviceUid == serviceUid;
  inFlight_.erase(it);
  return ours;
}

void ServiceRecords::forget(const kube::ObjectKey& record) {
  const std::lock_guard lock(mutex_);
  inFlight_.erase(record);
}

}  // namespace barevip::assigner
