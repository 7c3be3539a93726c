// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_memory.h"

#include <functional>
#include <utility>

namespace barevip::assigner {
namespace {

std::size_t hashOf(const std::string& text) { return std::hash<std::string>{}(text); }

}  // namespace

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
  const std::size_t now = hashOf(service.uid);
  return change(service.key, [&](Entry& entry) {
    const auto before = std::exchange(entry.uid, now);
    entry.servedClass = hashOf(model::recordedClass(service));
    return before && *before != now;
  });
}

bool ServiceMemory::servedAsItIs(const model::Service& service) const {
  const std::lock_guard lock(mutex_);
  const Entry* const entry = find(service.key);
  return entry != nullptr && entry->uid == hashOf(service.uid) &&
         entry->servedClass == hashOf(model::recordedClass(service));
}

void ServiceMemory::forget(const kube::ObjectKey& service) {
  change(service, [](Entry& entry) {
    entry.uid.reset();
    entry.servedClass = 0;
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
  change(service, [&](Entry& entry) { return entry.unrecorded.insert(address).second; });
}

void ServiceMemory::removeUnrecorded(const kube::ObjectKey& service, const IpAddress& address) {
  change(service, [&](Entry& entry) { return entry.unrecorded.erase(address); });
}

std::set<IpAddress> ServiceMemory::unrecorded(const kube::ObjectKey& service) const {
  const std::lock_guard lock(mutex_);
  const Entry* const entry = find(service);
  return entry == nullptr ? std::set<IpAddress>{} : entry->unrecorded;
}

}  // namespace barevip::assigner
