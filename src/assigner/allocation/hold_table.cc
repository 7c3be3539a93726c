// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/hold_table.h"

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

// Calls f with each list that has the address for its holders' share key.
template <class F>
void forEachShareList(const Hold& hold, F&& f) {
  if (hold.kind != Holder::Kind::kService) return;
  for (const Sharer& user : hold.users) {
    if (user.terms.key.empty()) continue;
    f(kube::ObjectKey{user.service.ns, user.terms.key});
    f(kube::ObjectKey{"", user.terms.key});
  }
}

}  // namespace

std::string Holder::toString() const {
  return (kind == Kind::kReservation ? "IP " : "Service ") + key.toString();
}

Hold Hold::ofService(Sharer service) {
  Hold hold;
  hold.users.push_back(std::move(service));
  return hold;
}

Hold Hold::ofReservation(Text pool, kube::ObjectKey claim, Text shareKey,
                         std::vector<Sharer> users) {
  return {Holder::Kind::kReservation, std::move(pool),  std::move(claim),
          std::move(shareKey),        std::move(users), true};
}

Hold Hold::ofForeign(kube::ObjectKey service) {
  return {Holder::Kind::kForeign, {}, std::move(service), {}, {}, true};
}

Hold Hold::ofRest(Text pool, Text ns) {
  return {Holder::Kind::kResting, std::move(pool), {std::move(ns), ""}, {}, {}, true};
}

bool Hold::isFreeFor(const Holder& asking) const {
  if (kind != Holder::Kind::kResting) return false;
  return promisedTo ? *promisedTo == asking : owner.ns == asking.key.ns;
}

const Text& Hold::givenFrom() const {
  return kind == Holder::Kind::kService ? users.front().givenFrom : pool;
}

const Sharer* Hold::user(const kube::ObjectKey& service) const {
  for (const Sharer& user : users) {
    if (user.service == service) return &user;
  }
  return nullptr;
}

bool Hold::isOf(const std::string& ns, const kube::ObjectKey& except) const {
  if (kind == Holder::Kind::kReservation && owner.ns == ns) return true;
  return std::any_of(users.begin(), users.end(), [&](const Sharer& each) {
    return each.service.ns == ns && each.service != except;
  });
}

const Terms* Hold::termsOf(const kube::ObjectKey& service) const {
  const Sharer* const found = user(service);
  return found == nullptr ? nullptr : &found->terms;
}

std::vector<Holder> Hold::holders() const {
  if (kind != Holder::Kind::kService) return {{kind, owner}};
  std::vector<Holder> result;
  for (const Sharer& user : users) result.push_back({kind, user.service});
  return result;
}

std::string Hold::toString() const {
  return kind == Holder::Kind::kService ? namesOf(users) : Holder{kind, owner}.toString();
}

std::string Hold::toStringFor(const std::string& ns) const {
  if (kind == Holder::Kind::kService) return namesFor({ns, ""}, users);
  if (owner.ns == ns) return toString();
  return kind == Holder::Kind::kReservation ? "an IP of another namespace"
                                            : "a Service of another namespace";
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

const std::vector<IpAddress>& HoldTable::restingFor(const std::string& ns) const {
  return listOf(resting_, {ns, ""});
}

const std::vector<IpAddress>& HoldTable::ofNamespace(const std::string& ns) const {
  return listOf(namespaces_, {ns, ""});
}

const std::vector<IpAddress>& HoldTable::ofForeign(const kube::ObjectKey& service) const {
  return listOf(foreign_, service);
}

std::optional<IpAddress> HoldTable::ofReservation(const kube::ObjectKey& claim) const {
  const auto it = reservations_.find(claim);
  if (it == reservations_.end()) return std::nullopt;
  return it->second;
}

const std::vector<IpAddress>& HoldTable::ofShareKey(const std::string& key,
                                                    const std::string& ns) const {
  return listOf(shared_, {ns, key});
}

void HoldTable::join(const IpAddress& address, Sharer service) {
  change(address, [&](Hold& hold) {
    const auto place =
        std::lower_bound(hold.users.begin(), hold.users.end(), service,
                         [](const Sharer& a, const Sharer& b) { return a.service < b.service; });
    if (place != hold.users.end() && place->service == service.service) {
      place->terms = std::move(service.terms);
      if (place->givenFrom.empty()) place->givenFrom = std::move(service.givenFrom);
    } else {
      hold.users.insert(place, std::move(service));
    }
  });
}

void HoldTable::leave(const IpAddress& address, const kube::ObjectKey& service) {
  change(address, [&](Hold& hold) {
    std::erase_if(hold.users, [&](const Sharer& user) { return user.service == service; });
  });
}

void HoldTable::convertToServices(const IpAddress& address) {
  change(address, [](Hold& hold) {
    hold.kind = Holder::Kind::kService;
    hold.owner = {};
    hold.pool.clear();
    hold.shareKey.clear();
    hold.recorded = true;
  });
}

void HoldTable::convertToReservation(const IpAddress& address, kube::ObjectKey claim,
                                     Text shareKey) {
  change(address, [&](Hold& hold) {
    hold.pool = hold.givenFrom();
    hold.kind = Holder::Kind::kReservation;
    hold.owner = std::move(claim);
    hold.shareKey = std::move(shareKey);
  });
}

void HoldTable::setShareKey(const IpAddress& address, Text key) {
  holds_.at(address).shareKey = std::move(key);
}

void HoldTable::setRecorded(const IpAddress& address, bool recorded) {
  holds_.at(address).recorded = recorded;
}

void HoldTable::setPromised(const IpAddress& address, const Holder& waiter) {
  Hold& hold = holds_.at(address);
  hold.promisedTo = waiter;
  hold.promise = promises_++;
}

void HoldTable::endPromise(const IpAddress& address) { holds_.at(address).promisedTo.reset(); }

template <class Change>
void HoldTable::change(const IpAddress& address, Change&& apply) {
  Hold& hold = holds_.at(address);
  unlink(address, hold);
  apply(hold);
  link(address, hold);
}

void HoldTable::link(const IpAddress& address, const Hold& hold) {
  for (const Sharer& user : hold.users) {
    insert(services_, user.service, address);
    insert(namespaces_, {user.service.ns, ""}, address);
  }
  forEachShareList(hold, [&](const kube::ObjectKey& key) { insert(shared_, key, address); });
  if (hold.kind == Holder::Kind::kForeign) insert(foreign_, hold.owner, address);
  if (hold.kind == Holder::Kind::kResting) insert(resting_, hold.owner, address);
  if (hold.kind != Holder::Kind::kReservation) return;
  reservations_.insert_or_assign(hold.owner, address);
  insert(namespaces_, {hold.owner.ns, ""}, address);
}

void HoldTable::unlink(const IpAddress& address, const Hold& hold) {
  for (const Sharer& user : hold.users) {
    erase(services_, user.service, address);
    erase(namespaces_, {user.service.ns, ""}, address);
  }
  forEachShareList(hold, [&](const kube::ObjectKey& key) { erase(shared_, key, address); });
  if (hold.kind == Holder::Kind::kForeign) erase(foreign_, hold.owner, address);
  if (hold.kind == Holder::Kind::kResting) erase(resting_, hold.owner, address);
  if (hold.kind != Holder::Kind::kReservation) return;
  reservations_.erase(hold.owner);
  erase(namespaces_, {hold.owner.ns, ""}, address);
}

}  // namespace barevip::assigner
