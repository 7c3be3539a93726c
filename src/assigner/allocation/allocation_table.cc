// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/allocation_table.h"

#include <algorithm>
#include <utility>

namespace barevip::assigner {
namespace {

using Lists = std::unordered_map<kube::ObjectKey, std::vector<IpAddress>>;

const std::vector<IpAddress>& listOf(const Lists& lists, const kube::ObjectKey& key) {
  static const std::vector<IpAddress> kNone;
  const auto it = lists.find(key);
  return it == lists.end() ? kNone : it->second;
}

void insert(Lists& lists, const kube::ObjectKey& key, const IpAddress& address) {
  std::vector<IpAddress>& list = lists[key];
  const auto place = std::lower_bound(list.begin(), list.end(), address);
  if (place == list.end() || *place != address) list.insert(place, address);
}

void erase(Lists& lists, const kube::ObjectKey& key, const IpAddress& address) {
  const auto it = lists.find(key);
  if (it == lists.end()) return;
  std::vector<IpAddress>& list = it->second;
  const auto place = std::lower_bound(list.begin(), list.end(), address);
  if (place != list.end() && *place == address) list.erase(place);
  if (list.empty()) lists.erase(it);
}

// Calls f with each list that has the address for its consumers' share key.
template <class F>
void forEachShareList(const Allocation& allocation, F&& f) {
  if (allocation.kind != Consumer::Kind::kService) return;
  for (const ServiceConsumer& user : allocation.users) {
    if (user.terms.key.empty()) continue;
    f(kube::ObjectKey{user.service.ns, user.terms.key});
    f(kube::ObjectKey{"", user.terms.key});
  }
}

}  // namespace

std::string Consumer::toString() const {
  return (kind == Kind::kReservation ? "IP " : "Service ") + key.toString();
}

Allocation Allocation::ofService(ServiceConsumer service) {
  Allocation allocation;
  allocation.users.push_back(std::move(service));
  return allocation;
}

Allocation Allocation::ofReservation(Text pool, kube::ObjectKey ipObject, Text shareKey,
                                     std::vector<ServiceConsumer> users) {
  return {Consumer::Kind::kReservation, std::move(pool),  std::move(ipObject),
          std::move(shareKey),          std::move(users), true};
}

Allocation Allocation::ofForeign(kube::ObjectKey service) {
  return {Consumer::Kind::kForeign, {}, std::move(service), {}, {}, true};
}

Allocation Allocation::ofRest(Text pool, Text ns) {
  return {Consumer::Kind::kResting, std::move(pool), {std::move(ns), ""}, {}, {}, true};
}

bool Allocation::isFreeFor(const Consumer& asking) const {
  if (kind != Consumer::Kind::kResting) return false;
  return promise ? promise->to == asking : owner.ns == asking.key.ns;
}

const Text& Allocation::sourcePool() const {
  return kind == Consumer::Kind::kService ? users.front().sourcePool : pool;
}

const ServiceConsumer* Allocation::user(const kube::ObjectKey& service) const {
  for (const ServiceConsumer& user : users) {
    if (user.service == service) return &user;
  }
  return nullptr;
}

bool Allocation::isOf(const std::string& ns, const kube::ObjectKey& except) const {
  if (kind == Consumer::Kind::kReservation && owner.ns == ns) return true;
  return std::any_of(users.begin(), users.end(), [&](const ServiceConsumer& each) {
    return each.service.ns == ns && each.service != except;
  });
}

const SharingTerms* Allocation::termsOf(const kube::ObjectKey& service) const {
  const ServiceConsumer* const found = user(service);
  return found == nullptr ? nullptr : &found->terms;
}

std::vector<Consumer> Allocation::consumers() const {
  if (kind != Consumer::Kind::kService) return {{kind, owner}};
  std::vector<Consumer> result;
  for (const ServiceConsumer& user : users) result.push_back({kind, user.service});
  return result;
}

std::string Allocation::toString() const {
  return kind == Consumer::Kind::kService ? namesOf(users) : Consumer{kind, owner}.toString();
}

std::string Allocation::toStringFor(const std::string& ns) const {
  if (kind == Consumer::Kind::kService) return namesFor({ns, ""}, users);
  if (owner.ns == ns) return toString();
  return kind == Consumer::Kind::kReservation ? "an IP of another namespace"
                                              : "a Service of another namespace";
}

bool AllocationTable::add(const IpAddress& address, Allocation allocation) {
  const auto [it, added] = allocations_.try_emplace(address, std::move(allocation));
  if (added) link(address, it->second);
  return added;
}

bool AllocationTable::remove(const IpAddress& address) {
  const auto it = allocations_.find(address);
  if (it == allocations_.end()) return false;
  unlink(address, it->second);
  allocations_.erase(it);
  return true;
}

const Allocation* AllocationTable::find(const IpAddress& address) const {
  const auto it = allocations_.find(address);
  return it == allocations_.end() ? nullptr : &it->second;
}

const std::vector<IpAddress>& AllocationTable::ofService(const kube::ObjectKey& service) const {
  return listOf(services_, service);
}

const std::vector<IpAddress>& AllocationTable::restingFor(const std::string& ns) const {
  return listOf(resting_, {ns, ""});
}

const std::vector<IpAddress>& AllocationTable::ofNamespace(const std::string& ns) const {
  return listOf(namespaces_, {ns, ""});
}

const std::vector<IpAddress>& AllocationTable::ofForeign(const kube::ObjectKey& service) const {
  return listOf(foreign_, service);
}

std::optional<IpAddress> AllocationTable::ofReservation(const kube::ObjectKey& ipObject) const {
  const auto it = reservations_.find(ipObject);
  if (it == reservations_.end()) return std::nullopt;
  return it->second;
}

const std::vector<IpAddress>& AllocationTable::ofShareKey(const std::string& key,
                                                          const std::string& ns) const {
  return listOf(shared_, {ns, key});
}

void AllocationTable::join(const IpAddress& address, ServiceConsumer service) {
  change(address, [&](Allocation& allocation) {
    const auto place = std::lower_bound(
        allocation.users.begin(), allocation.users.end(), service,
        [](const ServiceConsumer& a, const ServiceConsumer& b) { return a.service < b.service; });
    if (place != allocation.users.end() && place->service == service.service) {
      place->terms = std::move(service.terms);
      if (place->sourcePool.empty()) place->sourcePool = std::move(service.sourcePool);
    } else {
      allocation.users.insert(place, std::move(service));
    }
  });
}

void AllocationTable::leave(const IpAddress& address, const kube::ObjectKey& service) {
  change(address, [&](Allocation& allocation) {
    std::erase_if(allocation.users,
                  [&](const ServiceConsumer& user) { return user.service == service; });
  });
}

void AllocationTable::convertToServices(const IpAddress& address) {
  change(address, [](Allocation& allocation) {
    allocation.kind = Consumer::Kind::kService;
    allocation.owner = {};
    allocation.pool.clear();
    allocation.shareKey.clear();
    allocation.recorded = true;
  });
}

void AllocationTable::convertToReservation(const IpAddress& address, kube::ObjectKey ipObject,
                                           Text shareKey) {
  change(address, [&](Allocation& allocation) {
    allocation.pool = allocation.sourcePool();
    allocation.kind = Consumer::Kind::kReservation;
    allocation.owner = std::move(ipObject);
    allocation.shareKey = std::move(shareKey);
  });
}

void AllocationTable::setShareKey(const IpAddress& address, Text key) {
  allocations_.at(address).shareKey = std::move(key);
}

void AllocationTable::setRecorded(const IpAddress& address, bool recorded) {
  allocations_.at(address).recorded = recorded;
}

void AllocationTable::setPromised(const IpAddress& address, const Consumer& waiter) {
  allocations_.at(address).promise = std::make_shared<const Promise>(Promise{waiter, promises_++});
}

void AllocationTable::endPromise(const IpAddress& address) {
  allocations_.at(address).promise.reset();
}

template <class Change>
void AllocationTable::change(const IpAddress& address, Change&& apply) {
  Allocation& allocation = allocations_.at(address);
  unlink(address, allocation);
  apply(allocation);
  link(address, allocation);
}

void AllocationTable::link(const IpAddress& address, const Allocation& allocation) {
  for (const ServiceConsumer& user : allocation.users) {
    insert(services_, user.service, address);
    insert(namespaces_, {user.service.ns, ""}, address);
  }
  forEachShareList(allocation, [&](const kube::ObjectKey& key) { insert(shared_, key, address); });
  if (allocation.kind == Consumer::Kind::kForeign) insert(foreign_, allocation.owner, address);
  if (allocation.kind == Consumer::Kind::kResting) insert(resting_, allocation.owner, address);
  if (allocation.kind != Consumer::Kind::kReservation) return;
  reservations_.insert_or_assign(allocation.owner, address);
  insert(namespaces_, {allocation.owner.ns, ""}, address);
}

void AllocationTable::unlink(const IpAddress& address, const Allocation& allocation) {
  for (const ServiceConsumer& user : allocation.users) {
    erase(services_, user.service, address);
    erase(namespaces_, {user.service.ns, ""}, address);
  }
  forEachShareList(allocation, [&](const kube::ObjectKey& key) { erase(shared_, key, address); });
  if (allocation.kind == Consumer::Kind::kForeign) erase(foreign_, allocation.owner, address);
  if (allocation.kind == Consumer::Kind::kResting) erase(resting_, allocation.owner, address);
  if (allocation.kind != Consumer::Kind::kReservation) return;
  reservations_.erase(allocation.owner);
  erase(namespaces_, {allocation.owner.ns, ""}, address);
}

}  // namespace barevip::assigner
