// SPDX-License-Identifier: Apache-2.0
#include "assigner/hold_table.h"

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
  list.insert(std::lower_bound(list.begin(), list.end(), address), address);
}

void erase(Lists& lists, const kube::ObjectKey& key, const IpAddress& address) {
  const auto it = lists.find(key);
  if (it == lists.end()) return;
  std::erase(it->second, address);
  if (it->second.empty()) lists.erase(it);
}

}  // namespace

std::string Holder::toString() const {
  return (kind == Kind::kReservation ? "IP " : "Service ") + key.toString();
}

bool HoldTable::add(const IpAddress& address, Hold hold) {
  const auto [it, added] = holds_.try_emplace(address, std::move(hold));
  if (added) link(address, it->second);
  return added;
}

bool HoldTable::remove(const IpAddress& address) {
  const auto it = holds_.find(address);
  if (it == holds_.end()) return false;
  unlink(address, it->second);
  holds_.erase(it);
  return true;
}

const Hold* HoldTable::find(const IpAddress& address) const {
  const auto it = holds_.find(address);
  return it == holds_.end() ? nullptr : &it->second;
}

const std::vector<IpAddress>& HoldTable::ofService(const kube::ObjectKey& service) const {
  return listOf(services_, service);
}

const std::vector<IpAddress>& HoldTable::ofForeign(const kube::ObjectKey& service) const {
  return listOf(foreign_, service);
}

std::optional<IpAddress> HoldTable::ofReservation(const kube::ObjectKey& claim) const {
  const auto it = reservations_.find(claim);
  if (it == reservations_.end()) return std::nullopt;
  return it->second;
}

void HoldTable::setUser(const IpAddress& address, const std::optional<kube::ObjectKey>& service) {
  Hold& hold = holds_.at(address);
  unlink(address, hold);
  hold.user = service;
  link(address, hold);
}

void HoldTable::convertToService(const IpAddress& address) {
  Hold& hold = holds_.at(address);
  if (!hold.user) return;
  unlink(address, hold);
  hold.holder = {Holder::Kind::kService, *hold.user};
  hold.user.reset();
  link(address, hold);
}

void HoldTable::link(const IpAddress& address, const Hold& hold) {
  switch (hold.holder.kind) {
    case Holder::Kind::kService:
      insert(services_, hold.holder.key, address);
      break;
    case Holder::Kind::kForeign:
      insert(foreign_, hold.holder.key, address);
      break;
    case Holder::Kind::kReservation:
      reservations_.insert_or_assign(hold.holder.key, address);
      if (hold.user) insert(services_, *hold.user, address);
      break;
  }
}

void HoldTable::unlink(const IpAddress& address, const Hold& hold) {
  switch (hold.holder.kind) {
    case Holder::Kind::kService:
      erase(services_, hold.holder.key, address);
      break;
    case Holder::Kind::kForeign:
      erase(foreign_, hold.holder.key, address);
      break;
    case Holder::Kind::kReservation:
      reservations_.erase(hold.holder.key);
      if (hold.user) erase(services_, *hold.user, address);
      break;
  }
}

}  // namespace barevip::assigner
