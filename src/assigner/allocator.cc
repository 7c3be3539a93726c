// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocator.h"

#include <algorithm>

namespace barevip::assigner {

void Allocator::setPools(std::vector<PoolPlan> plans) {
  pools_.reset(std::move(plans), holds_);
  outside_.clear();
  for (const auto& [address, hold] : holds_.all()) noteOutside(address, hold);
}

Choice Allocator::assign(const Request& request) {
  Choice choice = choose(pools_, holds_, request);
  for (const Assignment& assignment : choice.addresses) {
    if (assignment.reservation.empty()) {
      add(assignment.address,
          {{Holder::Kind::kService, request.service}, assignment.pool, std::nullopt});
    } else {
      holds_.setUser(assignment.address, request.service);
    }
  }
  return choice;
}

Choice Allocator::keep(const kube::ObjectKey& service, Refusal refusal) const {
  return keepAll(pools_, holds_, service, {}, std::move(refusal));
}

bool Allocator::takeUp(const kube::ObjectKey& service, const IpAddress& address,
                       const std::string& pool) {
  const auto& mine = holds_.ofService(service);
  if (std::find(mine.begin(), mine.end(), address) != mine.end()) return true;
  return add(address, {{Holder::Kind::kService, service}, pool, std::nullopt});
}

bool Allocator::release(const kube::ObjectKey& service, const IpAddress& address) {
  const auto& mine = holds_.ofService(service);
  if (std::find(mine.begin(), mine.end(), address) == mine.end()) return false;
  if (holds_.find(address)->holder.kind == Holder::Kind::kReservation) {
    holds_.setUser(address, std::nullopt);
  } else {
    remove(address);
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
    return Assignment{*held, pools_.home(*held, holds_.find(*held)->pool), reservation.claim.name};
  }
  auto assignment = chooseReservation(pools_, holds_, reservation);
  if (!assignment) return assignment;
  assignment->reservation = reservation.claim.name;
  add(assignment->address,
      {{Holder::Kind::kReservation, reservation.claim}, assignment->pool, std::nullopt});
  return assignment;
}

bool Allocator::takeUpReservation(const kube::ObjectKey& claim, const IpAddress& address,
                                  const std::string& pool,
                                  const std::optional<kube::ObjectKey>& user) {
  if (const auto held = holds_.ofReservation(claim)) return *held == address;
  return add(address, {{Holder::Kind::kReservation, claim}, pool, user});
}

bool Allocator::unreserve(const kube::ObjectKey& claim) {
  const auto address = holds_.ofReservation(claim);
  if (!address) return false;
  if (holds_.find(*address)->user) {
    holds_.convertToService(*address);
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
    add(address, {{Holder::Kind::kForeign, service}, {}, std::nullopt});
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
    usage.outside.emplace_back(address, holds_.find(address)->holder);
  }
  return usage;
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
