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
  if (holds_.find(address)->promisedTo) {
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
  const Hold* const hold = holds_.find(address);
  const bool rests = hold != nullptr && hold->kind == Holder::Kind::kResting;
  if (hold != nullptr && (!rests || hold->promisedTo)) return std::nullopt;
  Freed free{address, {}, hold == nullptr ? "" : hold->owner.ns, hold != nullptr};
  for (const PoolState& pool : pools_.all()) {
    if (pool.space.offers(address)) free.pools.push_back(pool.plan.name);
  }
  return free;
}

void Allocator::promise(const IpAddress& address, const Holder& waiter) {
  if (holds_.find(address) == nullptr) add(address, Hold::ofRest("", waiter.key.ns));
  holds_.setPromised(address, waiter);
}

bool Allocator::endPromise(const IpAddress& address, const Holder& waiter) {
  const Hold* const hold = holds_.find(address);
  if (hold == nullptr || hold->promisedTo != waiter) return false;
  if (restsUntil_.contains(address)) {
    holds_.endPromise(address);
  } else {
    drop(address);
    holdForForeign(address);
  }
  return true;
}

void Allocator::endRest(const IpAddress& address) {
  const Hold* const hold = holds_.find(address);
  if (hold == nullptr || hold->kind != Holder::Kind::kResting) return;
  forgetRest(address);
  drop(address);
}

void Allocator::forgetRest(const IpAddress& address) {
  const auto rest = restsUntil_.find(address);
  if (rest == restsUntil_.end()) return;
  restEnds_.erase({rest->second, address});
  const Hold& hold = *holds_.find(address);
  const auto group = resting_.find({hold.pool, hold.owner.ns, address.family()});
  group->second.ends.erase({rest->second, address});
  if (group->second.ends.empty()) resting_.erase(group);
  restsUntil_.erase(rest);
}

void Allocator::setPools(std::vector<PoolPlan> plans) {
  pools_.reset(std::move(plans));
  counted_.clear();
  for (const auto& [address, hold] : holds_.all()) {
    pools_.hold(address);
    noteHome(address, hold);
  }
  // Only a Pool that is there keeps what was given back.
  for (const auto& [until, address] : std::exchange(restEnds_, {})) {
    restEnds_.emplace(until, address);
    const PoolState* const pool = pools_.find(holds_.find(address)->pool);
    const bool rests = pool != nullptr && !pool->plan.deleting && pool->plan.reuseDelay.count() > 0;
    if (!rests) wakeUp(address);
  }
}

void Allocator::grant(const Sharer& service, const Choice& choice) {
  for (const Assignment& assignment : choice.addresses) {
    endRest(assignment.address);
    Sharer granted{service.service, service.terms, assignment.givenFrom};
    const Hold* const hold = holds_.find(assignment.address);
    if (hold == nullptr) {
      add(assignment.address, Hold::ofService(std::move(granted)));
    } else if (assignment.regranted || hold->termsOf(service.service) == nullptr) {
      join(assignment.address, std::move(granted));
    }
  }
}

bool Allocator::takeUp(const Sharer& service, const IpAddress& address, Proof proof) {
  endRest(address);
  const Hold* hold = holds_.find(address);
  if (hold != nullptr && *hold == Hold::ofForeign(service.service)) {
    drop(address);
    hold = nullptr;
  }
  if (hold == nullptr) return add(address, Hold::ofService(service));
  if (const Sharer* const user = hold->user(service.service)) {
    if (user->givenFrom.empty()) join(address, {user->service, user->terms, service.givenFrom});
    return true;
  }
  if (hold->kind != Holder::Kind::kService) return false;
  if (!agreeOnKey(service.service, service.terms.key, hold->users)) return false;
  if (proof == Proof::kNone && (clash(service.service, service.terms, hold->users) ||
                                refusalToJoin(pools_, address, *hold, service.service))) {
    return false;
  }
  join(address,
       {service.service, whatFits(service.service, service.terms, hold->users), service.givenFrom});
  return true;
}

bool Allocator::release(const kube::ObjectKey& service, const IpAddress& address) {
  const Hold* const hold = holds_.find(address);
  if (hold == nullptr || hold->termsOf(service) == nullptr) return false;
  if (hold->kind == Holder::Kind::kService && !hasOthers(service, hold->users)) {
    remove(address);
  } else {
    change(address, [&] { holds_.leave(address, service); });
  }
  return true;
}

std::vector<IpAddress> Allocator::releaseAll(const kube::ObjectKey& service) {
  const std::vector<IpAddress> addresses = holds_.ofService(service);
  for (const IpAddress& address : addresses) release(service, address);
  return addresses;
}

tl::expected<Assignment, Refusal> Allocator::reserve(const Reservation& reservation,
                                                     const Names& names) {
  if (heldForIt(reservation, names)) {
    change(*reservation.address, [&] {
      holds_.convertToReservation(*reservation.address, reservation.claim, reservation.shareKey);
    });
    holds_.setRecorded(*reservation.address, reservation.recorded);
  }
  if (const auto held = holds_.ofReservation(reservation.claim)) {
    holds_.setShareKey(*held, reservation.shareKey);
    if (reservation.recorded) holds_.setRecorded(*held, true);
    const std::string& pool = holds_.find(*held)->pool;
    return Assignment{*held, pools_.home(*held, pool), pool, reservation.claim.name, {}};
  }
  auto assignment = chooseReservation(pools_, holds_, reservation);
  if (!assignment) return assignment;
  endRest(assignment->address);
  add(assignment->address,
      Hold::ofReservation(assignment->pool, reservation.claim, reservation.shareKey, {}));
  holds_.setRecorded(assignment->address, reservation.recorded);
  return assignment;
}

void Allocator::recorded(const kube::ObjectKey& claim) {
  if (const auto address = holds_.ofReservation(claim)) holds_.setRecorded(*address, true);
}

bool Allocator::heldForIt(const Reservation& reservation, const Names& names) const {
  if (!names || !reservation.address || holds_.ofReservation(reservation.claim)) return false;
  const Hold* const hold = holds_.find(*reservation.address);
  if (hold == nullptr || hold->kind != Holder::Kind::kService) return false;
  return std::all_of(hold->users.begin(), hold->users.end(), [&](const Sharer& user) {
    return user.service.ns == reservation.claim.ns && names(user.service);
  });
}

bool Allocator::takeUpReservation(const kube::ObjectKey& claim, const IpAddress& address,
                                  const std::string& pool, const std::string& shareKey,
                                  const std::vector<Sharer>& users) {
  if (const auto held = holds_.ofReservation(claim)) return *held == address;
  endRest(address);
  if (!add(address, Hold::ofReservation(pool, claim, shareKey, {}))) return false;
  for (const Sharer& user : users) {
    const std::vector<Sharer>& others = holds_.find(address)->users;
    join(address, {user.service, whatFits(user.service, user.terms, others), pool});
  }
  return true;
}

bool Allocator::unreserve(const kube::ObjectKey& claim) {
  const auto address = holds_.ofReservation(claim);
  if (!address) return false;
  if (!holds_.find(*address)->users.empty()) {
    change(*address, [&] { holds_.convertToServices(*address); });
    return false;
  }
  remove(*address);
  return holds_.find(*address) == nullptr;
}

bool Allocator::setForeign(const kube::ObjectKey& service,
                           const std::vector<IpAddress>& addresses) {
  bool freed = false;
  for (const IpAddress& address : std::exchange(foreign_[service], addresses)) {
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) continue;
    foreignByAddress_.erase({address, service});
    const Hold* const hold = holds_.find(address);
    if (hold == nullptr || !(*hold == Hold::ofForeign(service))) continue;
    remove(address);
    freed = freed || holds_.find(address) == nullptr;
  }
  for (const IpAddress& address : addresses) {
    foreignByAddress_.emplace(address, service);
    add(address, Hold::ofForeign(service));
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
    for (Holder& holder : holds_.find(address)->holders()) {
      usage.outside.emplace_back(address, std::move(holder));
    }
  }
  return usage;
}

const std::set<IpAddress>& Allocator::ofPool(const std::string& pool) const {
  static const std::set<IpAddress> nothing;
  const auto counted = counted_.find(pool);
  return counted == counted_.end() ? nothing : counted->second.all;
}

bool Allocator::add(const IpAddress& address, Hold hold) {
  if (!holds_.add(address, std::move(hold))) return false;
  pools_.hold(address);
  noteHome(address, *holds_.find(address));
  return true;
}

void Allocator::remove(const IpAddress& address) {
  const Hold last = *holds_.find(address);
  const bool reserved = last.kind == Holder::Kind::kReservation;
  const bool foreign = last.kind == Holder::Kind::kForeign;
  const std::string ns = reserved || foreign ? last.owner.ns : last.users.front().service.ns;
  const std::size_t had = holds_.ofNamespace(ns).size();
  drop(address);
  if (holdForForeign(address)) return;
  freed_.push_back(address);
  if (foreign) return;
  const PoolState* const pool = pools_.find(pools_.home(address, last.givenFrom()));
  if (pool == nullptr || pool->plan.reuseDelay.count() == 0) return;
  const std::size_t limit = pool->plan.maxPerNamespace;
  rest(address, pool->plan, ns, limit == 0 ? had : std::min(had, limit));
}

bool Allocator::restForNobody(const IpAddress& address) {
  const PoolState* const pool = pools_.find(pools_.home(address, ""));
  if (holds_.find(address) != nullptr || pool == nullptr) return false;
  if (pool->plan.reuseDelay.count() == 0) return false;
  rest(address, pool->plan, "", std::numeric_limits<std::size_t>::max());
  return true;
}

void Allocator::rest(const IpAddress& address, const PoolPlan& pool, const std::string& ns,
                     std::size_t most) {
  const MonotonicTime until = now_ + pool.reuseDelay;
  restsUntil_.emplace(address, until);
  restEnds_.emplace(until, address);
  add(address, Hold::ofRest(pool.name, ns));
  Resting& resting = resting_[{pool.name, ns, address.family()}];
  resting.most = std::max(resting.most, most);
  resting.ends.emplace(until, address);
  if (resting.ends.size() > resting.most) wakeUp(resting.ends.begin()->second);
}

bool Allocator::holdForForeign(const IpAddress& address) {
  const auto foreign = foreignByAddress_.lower_bound({address, {}});
  if (foreign == foreignByAddress_.end() || foreign->first != address) return false;
  return add(address, Hold::ofForeign(foreign->second));
}

void Allocator::drop(const IpAddress& address) {
  forgetHome(address);
  if (holds_.remove(address)) pools_.release(address);
}

void Allocator::join(const IpAddress& address, Sharer service) {
  change(address, [&] { holds_.join(address, std::move(service)); });
}

template <class Change>
void Allocator::change(const IpAddress& address, Change&& apply) {
  forgetHome(address);
  apply();
  noteHome(address, *holds_.find(address));
}

void Allocator::forgetHome(const IpAddress& address) {
  const auto it = counted_.find(pools_.home(address, holds_.find(address)->givenFrom()));
  if (it == counted_.end()) return;
  it->second.all.erase(address);
  it->second.outside.erase(address);
  if (it->second.all.empty()) counted_.erase(it);
}

void Allocator::noteHome(const IpAddress& address, const Hold& hold) {
  if (hold.kind == Holder::Kind::kForeign || hold.kind == Holder::Kind::kResting) return;
  const std::string home = pools_.home(address, hold.givenFrom());
  const PoolState* const pool = pools_.find(home);
  if (pool == nullptr) return;
  Counted& counted = counted_[home];
  counted.all.insert(address);
  if (!pool->space.offers(address)) counted.outside.insert(address);
}

}  // namespace barevip::assigner
