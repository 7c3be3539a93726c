// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocator.h"

#include <algorithm>

#include "assigner/candidates.h"

namespace barevip::assigner {

void Allocator::setPools(std::vector<PoolPlan> plans) {
  pools_.reset(std::move(plans), holds_);
  outside_.clear();
  for (const auto& [address, hold] : holds_.all()) noteOutside(address, hold);
}

Choice Allocator::assign(const Request& request) {
  Choice choice = choose(pools_, holds_, request);
  for (Assignment& assignment : choice.addresses) grant(request, assignment);
  return choice;
}

Choice Allocator::keep(const kube::ObjectKey& service, Refusal refusal) const {
  return keepAll(pools_, holds_, service, {}, std::move(refusal));
}

bool Allocator::takeUp(const Sharer& service, const IpAddress& address, const std::string& pool,
                       Proof proof) {
  const Hold* const hold = holds_.find(address);
  if (hold == nullptr) return add(address, Hold::ofService(pool, service));
  if (hold->termsOf(service.service) != nullptr) return true;
  if (hold->kind != Holder::Kind::kService) return false;
  if (!agreeOnKey(service.service, service.terms.key, hold->users)) return false;
  if (proof == Proof::kNone && (clash(service.service, service.terms, hold->users) ||
                                refusalToJoin(pools_, address, *hold, service.service))) {
    return false;
  }
  holds_.join(address, {service.service, whatFits(service.service, service.terms, hold->users)});
  return true;
}

bool Allocator::release(const kube::ObjectKey& service, const IpAddress& address) {
  const Hold* const hold = holds_.find(address);
  if (hold == nullptr || hold->termsOf(service) == nullptr) return false;
  if (hold->kind == Holder::Kind::kService && !hasOthers(service, hold->users)) {
    remove(address);
  } else {
    holds_.leave(address, service);
  }
  return true;
}

std::vector<IpAddress> Allocator::releaseAll(const kube::ObjectKey& service) {
  const std::vector<IpAddress> addresses = holds_.ofService(service);
  for (const IpAddress& address : addresses) release(service, address);
  return addresses;
}

tl::expected<Assignment, Refusal> Allocator::reserve(const Reservation& reservation) {
  if (const auto held = holds_.ofReservation(reservation.claim)) {
    holds_.setShareKey(*held, reservation.shareKey);
    return Assignment{
        *held, pools_.home(*held, holds_.find(*held)->pool), reservation.claim.name, {}};
  }
  auto assignment = chooseReservation(pools_, holds_, reservation);
  if (!assignment) return assignment;
  add(assignment->address,
      Hold::ofReservation(assignment->pool, reservation.claim, reservation.shareKey, {}));
  return assignment;
}

bool Allocator::takeUpReservation(const kube::ObjectKey& claim, const IpAddress& address,
                                  const std::string& pool, const std::string& shareKey,
                                  const std::vector<Sharer>& users) {
  if (const auto held = holds_.ofReservation(claim)) return *held == address;
  if (!add(address, Hold::ofReservation(pool, claim, shareKey, {}))) return false;
  for (const Sharer& user : users) {
    const std::vector<Sharer>& others = holds_.find(address)->users;
    holds_.join(address, {user.service, whatFits(user.service, user.terms, others)});
  }
  return true;
}

bool Allocator::unreserve(const kube::ObjectKey& claim) {
  const auto address = holds_.ofReservation(claim);
  if (!address) return false;
  if (!holds_.find(*address)->users.empty()) {
    holds_.convertToServices(*address);
    return false;
  }
  remove(*address);
  return true;
}

bool Allocator::setForeign(const kube::ObjectKey& service,
                           const std::vector<IpAddress>& addresses) {
  bool freed = false;
  const std::vector<IpAddress> before = holds_.ofForeign(service);
  for (const IpAddress& address : before) {
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) continue;
    remove(address);
    freed = true;
  }
  for (const IpAddress& address : addresses) {
    add(address, Hold::ofForeign(service));
  }
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
void Allocator::grant(const Request& request, Assignment& assignment) {
  const kube::ObjectKey& service = request.service;
  const Hold* const hold = holds_.find(assignment.address);
  if (hold == nullptr) {
    add(assignment.address, Hold::ofService(assignment.pool, {service, request.terms}));
    return;
  }
  const Terms* const before = hold->termsOf(service);
  if (before != nullptr) {
    if (*before == request.terms) return;
    if (!agreeOnKey(service, request.terms.key, hold->users) ||
        clash(service, request.terms, hold->users)) {
      return;
    }
    assignment.regranted = true;
  }
  holds_.join(assignment.address, {service, request.terms});
  assignment.shareKey = request.terms.key;
}

bool Allocator::add(const IpAddress& address, Hold hold) {
  if (!holds_.add(address, std::move(hold))) return false;
  pools_.hold(address);
  noteOutside(address, *holds_.find(address));
  return true;
}

void Allocator::remove(const IpAddress& address) {
  const auto outside = outside_.find(holds_.find(address)->pool);
  if (outside != outside_.end()) outside->second.erase(address);
  if (holds_.remove(address)) pools_.release(address);
}

void Allocator::noteOutside(const IpAddress& address, const Hold& hold) {
  const PoolState* const pool = pools_.find(hold.pool);
  if (pool == nullptr || pool->space.offers(address)) return;
  if (pools_.home(address, hold.pool) == hold.pool) outside_[hold.pool].insert(address);
}

}  // namespace barevip::assigner
