// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_memory.h"

#include <utility>

namespace barevip::assigner {
template <class Change>
auto ServiceMemory::change(const kube::ObjectKey& service, Change&& apply) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.try_emplace(service).first;
  const auto result = std::forward<Change>(apply)(it->second);
  if (it->second == Entry{}) entries_.erase(it);
  return result;
}

const ServiceMemory::Entry* ServiceMemory::find(const kube::ObjectKey& service) const {
  const auto it = entries_.find(service);
  return it == entries_.end() ? nullptr : &it->second;
}

bool ServiceMemory::seen(const model::Service& service) {
  return change(service.key, [&](Entry& entry) {
    const Text before = std::exchange(entry.uid, service.uid);
    entry.servedClass = model::recordedClass(service);
    return !before.empty() && before != service.uid;
  });
}

bool ServiceMemory::servedAsItIs(const model::Service& service) const {
  const std::lock_guard lock(mutex_);
  const Entry* const entry = find(service.key);
  return entry != nullptr && entry->uid == service.uid &&
         entry->servedClass == model::recordedClass(service);
}

void ServiceMemory::forget(const kube::ObjectKey& service) {
  change(service, [](Entry& entry) {
    entry.uid.clear();
    entry.servedClass.clear();
    return true;
  });
}

bool ServiceMemory::leftAlone(const kube::ObjectKey& service) const {
  const std::lock_guard lock(mutex_);
  const Entry* const entry = find(service);
  return entry != nullptr && entry->leftAlone;
}

void ServiceMemory::setLeftAlone(const kube::ObjectKey& service, bool is) {
  change(service, [&](Entry& entry) { return entry.leftAlone = is; });
}

void ServiceMemory::addUnrecorded(const kube::ObjectKey& service, const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  unrecorded_[service].insert(address);
}

void ServiceMemory::removeUnrecorded(const kube::ObjectKey& service, const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto it = unrecorded_.find(service);
  if (it == unrecorded_.end()) return;
  it->second.erase(address);
  if (it->second.empty()) unrecorded_.erase(it);
}

std::set<IpAddress> ServiceMemory::unrecorded(const kube::ObjectKey& service) const {
  const std::lock_guard lock(mutex_);
  const auto it = unrecorded_.find(service);
  return it == unrecorded_.end() ? std::set<IpAddress>() : it->second;
}

}  // namespace barevip::assigner
