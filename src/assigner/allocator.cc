// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocator.h"

#include <algorithm>
#include <utility>

#include "assigner/candidates.h"

namespace barevip::assigner {

void Allocator::setPools(std::vector<PoolPlan> plans) {
  pools_.reset(std::move(plans), holds_);
  outside_.clear();
  for (const auto& [address, hold] : holds_.all()) noteOutside(address, hold);
}

Choice Allocator::assign(const Request& request) {
  Choice choice = choose(pools_, holds_, request);
  const Sharer sharer{request.service, request.terms};
  for (Assignment& assignment : choice.addresses) grant(sharer, assignment);
  return choice;
}

Choice Allocator::keep(const Sharer& service, const std::vector<IpAddress>& shown,
                       Refusal refusal) {
  Choice choice = keepAll(pools_, holds_, service.service, {}, shown, std::move(refusal));
  for (Assignment& assignment : choice.addresses) grant(service, assignment);
  return choice;
}

bool Allocator::takeUp(const Sharer& service, const IpAddress& address, Proof proof) {
  const Hold* hold = holds_.find(address);
  if (hold != nullptr && *hold == Hold::ofForeign(service.service)) {
    drop(address);
    hold = nullptr;
  }
  if (hold == nullptr) return add(address, Hold::ofService(service));
  if (hold->termsOf(service.service) != nullptr) return true;
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
  }
  if (const auto held = holds_.ofReservation(reservation.claim)) {
    holds_.setShareKey(*held, reservation.shareKey);
    const std::string& pool = holds_.find(*held)->pool;
    return Assignment{*held, pools_.home(*held, pool), pool, reservation.claim.name, {}};
  }
  auto assignment = chooseReservation(pools_, holds_, reservation);
  if (!assignment) return assignment;
  add(assignment->address,
      Hold::ofReservation(assignment->pool, reservation.claim, reservation.shareKey, {}));
  return assignment;
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
  const auto outside = outside_.find(name);
  if (outside == outside_.end()) return usage;
  for (const IpAddress& address : outside->second) {
    ++(address.isIpv4() ? usage.ipv4 : usage.ipv6).allocated;
    for (Holder& holder : holds_.find(address)->holders()) {
      usage.outside.emplace_back(address, std::move(holder));
    }
  }
  return usage;
}

// What it has already stays on the old terms, if the new ones do not fit.
void Allocator::grant(const Sharer& service, Assignment& assignment) {
  const Sharer granted{service.service, service.terms, assignment.givenFrom};
  const Hold* const hold = holds_.find(assignment.address);
  if (hold == nullptr) {
    add(assignment.address, Hold::ofService(granted));
    return;
  }
  const Terms* const before = hold->termsOf(service.service);
  if (before != nullptr) {
    if (*before == service.terms) return;
    if (!agreeOnKey(service.service, service.terms.key, hold->users) ||
        clash(service.service, service.terms, hold->users)) {
      return;
    }
    assignment.regranted = true;
  }
  join(assignment.address, granted);
  assignment.shareKey = service.terms.key;
}

bool Allocator::add(const IpAddress& address, Hold hold) {
  if (!holds_.add(address, std::move(hold))) return false;
  pools_.hold(address);
  noteOutside(address, *holds_.find(address));
  return true;
}

void Allocator::remove(const IpAddress& address) {
  drop(address);
  const auto foreign = foreignByAddress_.lower_bound({address, {}});
  if (foreign == foreignByAddress_.end() || foreign->first != address) return;
  add(address, Hold::ofForeign(foreign->second));
}

void Allocator::drop(const IpAddress& address) {
  forgetOutside(address);
  if (holds_.remove(address)) pools_.release(address);
}

void Allocator::join(const IpAddress& address, Sharer service) {
  change(address, [&] { holds_.join(address, std::move(service)); });
}

template <class Change>
void Allocator::change(const IpAddress& address, Change&& apply) {
  forgetOutside(address);
  apply();
  noteOutside(address, *holds_.find(address));
}

void Allocator::forgetOutside(const IpAddress& address) {
  const auto it = outside_.find(pools_.home(address, holds_.find(address)->givenFrom()));
  if (it != outside_.end()) it->second.erase(address);
}

void Allocator::noteOutside(const IpAddress& address, const Hold& hold) {
  if (hold.kind == Holder::Kind::kForeign) return;  // counts for no Pool
  const std::string home = pools_.home(address, hold.givenFrom());
  const PoolState* const pool = pools_.find(home);
  if (pool != nullptr && !pool->space.offers(address)) outside_[home].insert(address);
}

}  // namespace barevip::assigner
