// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/allocator.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "assigner/allocation/candidates.h"

namespace barevip::assigner {

void Allocator::tick(MonotonicTime now) {
  now_ = now;
  while (!restEnds_.empty() && restEnds_.begin()->first <= now) wakeUp(restEnds_.begin()->second);
}

void Allocator::wakeUp(IpAddress address) {
  if (allocations_.find(address)->promise) {
    forgetRest(address);
    return;
  }
  endRest(address);
  if (!holdForForeign(address)) freed_.push_back(address);
}

std::optional<MonotonicTime> Allocator::nextRested() const {
  if (restEnds_.empty()) return std::nullopt;
  return restEnds_.begin()->first;
}

std::vector<Freed> Allocator::takeFreed() {
  std::vector<Freed> all;
  all.reserve(freed_.size());
  for (const IpAddress& address : std::exchange(freed_, {})) {
    if (auto free = freed(address)) all.push_back(*std::move(free));
  }
  return all;
}

std::optional<Freed> Allocator::freed(const IpAddress& address) const {
  const Allocation* const allocation = allocations_.find(address);
  const bool rests = allocation != nullptr && allocation->kind == Consumer::Kind::kResting;
  if (allocation != nullptr && (!rests || allocation->promise)) return std::nullopt;
  Freed free{address, {}, allocation == nullptr ? "" : allocation->owner.ns, allocation != nullptr};
  for (const PoolState& pool : pools_.all()) {
    if (pool.space.offers(address)) free.pools.push_back(pool.plan.name);
  }
  return free;
}

void Allocator::promise(const IpAddress& address, const Consumer& waiter) {
  if (allocations_.find(address) == nullptr) add(address, Allocation::ofRest("", waiter.key.ns));
  allocations_.setPromised(address, waiter);
}

bool Allocator::endPromise(const IpAddress& address, const Consumer& waiter) {
  const Allocation* const allocation = allocations_.find(address);
  if (allocation == nullptr || !allocation->promise || allocation->promise->to != waiter) {
    return false;
  }
  if (restsUntil_.contains(address)) {
    allocations_.endPromise(address);
  } else {
    drop(address);
    holdForForeign(address);
  }
  return true;
}

void Allocator::endRest(const IpAddress& address) {
  const Allocation* const allocation = allocations_.find(address);
  if (allocation == nullptr || allocation->kind != Consumer::Kind::kResting) return;
  forgetRest(address);
  drop(address);
}

void Allocator::forgetRest(const IpAddress& address) {
  const auto rest = restsUntil_.find(address);
  if (rest == restsUntil_.end()) return;
  restEnds_.erase({rest->second, address});
  const Allocation& allocation = *allocations_.find(address);
  const auto group = resting_.find({allocation.pool, allocation.owner.ns, address.family()});
  group->second.ends.erase({rest->second, address});
  if (group->second.ends.empty()) resting_.erase(group);
  restsUntil_.erase(rest);
}

void Allocator::setPools(std::vector<PoolPlan> plans) {
  pools_.reset(std::move(plans));
  counted_.clear();
  for (const auto& [address, allocation] : allocations_.all()) {
    pools_.allocation(address);
    noteHome(address, allocation);
  }
  // Only a Pool that is there keeps what was given back.
  for (const auto& [until, address] : std::exchange(restEnds_, {})) {
    restEnds_.emplace(until, address);
    const PoolState* const pool = pools_.find(allocations_.find(address)->pool);
    const bool rests = pool != nullptr && !pool->plan.deleting && pool->plan.reuseDelay.count() > 0;
    if (!rests) wakeUp(address);
  }
}

void Allocator::grant(const ServiceConsumer& service, const Choice& choice) {
  for (const Assignment& assignment : choice.addresses) {
    endRest(assignment.address);
    ServiceConsumer granted{service.service, service.terms, assignment.sourcePool};
    const Allocation* const allocation = allocations_.find(assignment.address);
    if (allocation == nullptr) {
      add(assignment.address, Allocation::ofService(std::move(granted)));
    } else if (assignment.termsChanged || allocation->termsOf(service.service) == nullptr) {
      join(assignment.address, std::move(granted));
    }
  }
}

bool Allocator::restore(const ServiceConsumer& service, const IpAddress& address,
                        Evidence evidence) {
  endRest(address);
  const Allocation* allocation = allocations_.find(address);
  if (allocation != nullptr && *allocation == Allocation::ofForeign(service.service)) {
    drop(address);
    allocation = nullptr;
  }
  if (allocation == nullptr) return add(address, Allocation::ofService(service));
  if (const ServiceConsumer* const user = allocation->user(service.service)) {
    if (user->sourcePool.empty()) join(address, {user->service, user->terms, service.sourcePool});
    return true;
  }
  if (allocation->kind != Consumer::Kind::kService) return false;
  if (!agreeOnKey(service.service, service.terms.key, allocation->users)) return false;
  if (evidence == Evidence::kClaimed &&
      (clash(service.service, service.terms, allocation->users) ||
       refusalToJoin(pools_, address, *allocation, service.service))) {
    return false;
  }
  join(address, {service.service, whatFits(service.service, service.terms, allocation->users),
                 service.sourcePool});
  return true;
}

bool Allocator::release(const kube::ObjectKey& service, const IpAddress& address) {
  const Allocation* const allocation = allocations_.find(address);
  if (allocation == nullptr || allocation->termsOf(service) == nullptr) return false;
  if (allocation->kind == Consumer::Kind::kService && !hasOthers(service, allocation->users)) {
    remove(address);
  } else {
    change(address, [&] { allocations_.leave(address, service); });
  }
  return true;
}

std::vector<IpAddress> Allocator::releaseAll(const kube::ObjectKey& service) {
  const std::vector<IpAddress> addresses = allocations_.ofService(service);
  for (const IpAddress& address : addresses) release(service, address);
  return addresses;
}

tl::expected<Assignment, Refusal> Allocator::reserve(const Reservation& reservation,
                                                     const Names& names) {
  if (heldForIt(reservation, names)) {
    change(*reservation.address, [&] {
      allocations_.convertToReservation(*reservation.address, reservation.ipObject,
                                        reservation.shareKey);
    });
    allocations_.setRecorded(*reservation.address, reservation.recorded);
  }
  if (const auto held = allocations_.ofReservation(reservation.ipObject)) {
    allocations_.setShareKey(*held, reservation.shareKey);
    if (reservation.recorded) allocations_.setRecorded(*held, true);
    const std::string& pool = allocations_.find(*held)->pool;
    return Assignment{*held, pools_.home(*held, pool), pool, reservation.ipObject.name, {}};
  }
  auto assignment = chooseReservation(pools_, allocations_, reservation);
  if (!assignment) return assignment;
  endRest(assignment->address);
  add(assignment->address,
      Allocation::ofReservation(assignment->pool, reservation.ipObject, reservation.shareKey, {}));
  allocations_.setRecorded(assignment->address, reservation.recorded);
  return assignment;
}

void Allocator::recorded(const kube::ObjectKey& ipObject) {
  if (const auto address = allocations_.ofReservation(ipObject))
    allocations_.setRecorded(*address, true);
}

bool Allocator::heldForIt(const Reservation& reservation, const Names& names) const {
  if (!names || !reservation.address || allocations_.ofReservation(reservation.ipObject))
    return false;
  const Allocation* const allocation = allocations_.find(*reservation.address);
  if (allocation == nullptr || allocation->kind != Consumer::Kind::kService) return false;
  return std::all_of(allocation->users.begin(), allocation->users.end(),
                     [&](const ServiceConsumer& user) {
                       return user.service.ns == reservation.ipObject.ns && names(user.service);
                     });
}

bool Allocator::restoreReservation(const kube::ObjectKey& ipObject, const IpAddress& address,
                                   const std::string& pool, const std::string& shareKey,
                                   const std::vector<ServiceConsumer>& users) {
  if (const auto held = allocations_.ofReservation(ipObject)) return *held == address;
  endRest(address);
  if (!add(address, Allocation::ofReservation(pool, ipObject, shareKey, {}))) return false;
  for (const ServiceConsumer& user : users) {
    const std::vector<ServiceConsumer>& others = allocations_.find(address)->users;
    join(address, {user.service, whatFits(user.service, user.terms, others), pool});
  }
  return true;
}

bool Allocator::unreserve(const kube::ObjectKey& ipObject) {
  const auto address = allocations_.ofReservation(ipObject);
  if (!address) return false;
  if (!allocations_.find(*address)->users.empty()) {
    change(*address, [&] { allocations_.convertToServices(*address); });
    return false;
  }
  remove(*address);
  return allocations_.find(*address) == nullptr;
}

bool Allocator::setForeign(const kube::ObjectKey& service,
                           const std::vector<IpAddress>& addresses) {
  bool freed = false;
  for (const IpAddress& address : std::exchange(foreign_[service], addresses)) {
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) continue;
    foreignByAddress_.erase({address, service});
    const Allocation* const allocation = allocations_.find(address);
    if (allocation == nullptr || !(*allocation == Allocation::ofForeign(service))) continue;
    remove(address);
    freed = freed || allocations_.find(address) == nullptr;
  }
  for (const IpAddress& address : addresses) {
    foreignByAddress_.emplace(address, service);
    add(address, Allocation::ofForeign(service));
  }
  if (addresses.empty()) foreign_.erase(service);
  return freed;
}

PoolUsage Allocator::usage(const std::string& name) const {
  PoolUsage usage;
  const PoolState* const pool = pools_.find(name);
  if (pool == nullptr) return usage;
  const auto count = [&](Family family) {
    const Uint128 capacity = pool->space.capacity(family);
    const Uint128 held = pool->space.held(family);
    return PoolUsage::Counts{capacity, held, capacity - held};
  };
  usage.ipv4 = count(Family::kIpv4);
  usage.ipv6 = count(Family::kIpv6);
  const auto counted = counted_.find(name);
  if (counted == counted_.end()) return usage;
  for (const IpAddress& address : counted->second.outside) {
    ++(address.isIpv4() ? usage.ipv4 : usage.ipv6).allocated;
    for (Consumer& consumer : allocations_.find(address)->consumers()) {
      usage.outside.emplace_back(address, std::move(consumer));
    }
  }
  return usage;
}

const std::set<IpAddress>& Allocator::ofPool(const std::string& pool) const {
  static const std::set<IpAddress> nothing;
  const auto counted = counted_.find(pool);
  return counted == counted_.end() ? nothing : counted->second.all;
}

bool Allocator::add(const IpAddress& address, Allocation allocation) {
  if (!allocations_.add(address, std::move(allocation))) return false;
  pools_.allocation(address);
  noteHome(address, *allocations_.find(address));
  return true;
}

void Allocator::remove(const IpAddress& address) {
  const Allocation last = *allocations_.find(address);
  const bool reserved = last.kind == Consumer::Kind::kReservation;
  const bool foreign = last.kind == Consumer::Kind::kForeign;
  const std::string ns = reserved || foreign ? last.owner.ns : last.users.front().service.ns;
  const std::size_t had = allocations_.ofNamespace(ns).size();
  drop(address);
  if (holdForForeign(address)) return;
  freed_.push_back(address);
  if (foreign) return;
  const PoolState* const pool = pools_.find(pools_.home(address, last.sourcePool()));
  if (pool == nullptr || pool->plan.reuseDelay.count() == 0) return;
  const std::size_t limit = pool->plan.maxPerNamespace;
  rest(address, pool->plan, ns, limit == 0 ? had : std::min(had, limit));
}

bool Allocator::restForNobody(const IpAddress& address) {
  const PoolState* const pool = pools_.find(pools_.home(address, ""));
  if (allocations_.find(address) != nullptr || pool == nullptr) return false;
  if (pool->plan.reuseDelay.count() == 0) return false;
  rest(address, pool->plan, "", std::numeric_limits<std::size_t>::max());
  return true;
}

void Allocator::rest(const IpAddress& address, const PoolPlan& pool, const std::string& ns,
                     std::size_t most) {
  const MonotonicTime until = now_ + pool.reuseDelay;
  restsUntil_.emplace(address, until);
  restEnds_.emplace(until, address);
  add(address, Allocation::ofRest(pool.name, ns));
  Resting& resting = resting_[{pool.name, ns, address.family()}];
  resting.most = std::max(resting.most, most);
  resting.ends.emplace(until, address);
  if (resting.ends.size() > resting.most) wakeUp(resting.ends.begin()->second);
}

bool Allocator::holdForForeign(const IpAddress& address) {
  const auto foreign = foreignByAddress_.lower_bound({address, {}});
  if (foreign == foreignByAddress_.end() || foreign->first != address) return false;
  return add(address, Allocation::ofForeign(foreign->second));
}

void Allocator::drop(const IpAddress& address) {
  forgetHome(address);
  if (allocations_.remove(address)) pools_.release(address);
}

void Allocator::join(const IpAddress& address, ServiceConsumer service) {
  change(address, [&] { allocations_.join(address, std::move(service)); });
}

template <class Change>
void Allocator::change(const IpAddress& address, Change&& apply) {
  forgetHome(address);
  apply();
  noteHome(address, *allocations_.find(address));
}

void Allocator::forgetHome(const IpAddress& address) {
  const auto it = counted_.find(pools_.home(address, allocations_.find(address)->sourcePool()));
  if (it == counted_.end()) return;
  it->second.all.erase(address);
  it->second.outside.erase(address);
  if (it->second.all.empty()) counted_.erase(it);
}

void Allocator::noteHome(const IpAddress& address, const Allocation& allocation) {
  if (allocation.kind == Consumer::Kind::kForeign || allocation.kind == Consumer::Kind::kResting)
    return;
  const std::string home = pools_.home(address, allocation.sourcePool());
  const PoolState* const pool = pools_.find(home);
  if (pool == nullptr) return;
  Counted& counted = counted_[home];
  counted.all.insert(address);
  if (!pool->space.offers(address)) counted.outside.insert(address);
}

}  // namespace barevip::assigner
