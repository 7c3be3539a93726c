// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/waiting_list.h"

#include <algorithm>
#include <utility>

namespace barevip::assigner {
namespace {

// What somebody waits for, as keys of an index.
std::string poolTopic(const std::string& pool, Family family) {
  return "pool " + std::string(toString(family)) + " " + pool;
}
std::string addressTopic(const IpAddress& address) { return "address " + address.toString(); }
std::string claimTopic(const kube::ObjectKey& claim) { return "claim " + claim.toString(); }
std::string shareTopic(const std::string& key) { return "share " + key; }
// Those of one namespace alone: what rests is for them.
std::string within(const std::string& topic, const std::string& ns) { return topic + " in " + ns; }

std::vector<std::string> topicsOf(const WaitingList::Entry& entry, const std::string& ns) {
  const Obstacle& obstacle = entry.obstacle;
  std::vector<std::string> topics;
  const auto add = [&](std::string topic) {
    topics.push_back(within(topic, ns));
    topics.push_back(std::move(topic));
  };
  for (const auto& [pool, family] : obstacle.exhausted) add(poolTopic(pool, family));
  for (const IpAddress& address : obstacle.addresses) add(addressTopic(address));
  for (const kube::ObjectKey& claim : obstacle.claims) topics.push_back(claimTopic(claim));
  for (const std::string& key : entry.shareKeys) add(shareTopic(key));
  return topics;
}

std::vector<std::string> topicsOf(const Freed& freed) {
  std::vector<std::string> topics{addressTopic(freed.address)};
  for (const std::string& pool : freed.pools) {
    topics.push_back(poolTopic(pool, freed.address.family()));
  }
  if (!freed.resting) return topics;
  for (std::string& topic : topics) topic = within(topic, freed.ns);
  return topics;
}

}  // namespace

void WaitingList::put(const Holder& who, Entry entry) {
  const std::lock_guard lock(mutex_);
  removeLocked(who);
  Waiter waiter{{entry.since, who.kind, who.key}, std::move(entry), {}, ++lastLook_};
  waiter.topics = topicsOf(waiter.entry, who.key.ns);
  places_.insert(waiter.place);
  for (const std::string& topic : waiter.topics) topics_[topic].insert(waiter.place);
  for (const auto& each : waiter.entry.obstacle.limits) {
    limits_[{who.key.ns, each}].insert(waiter.place);
  }
  waiters_.insert_or_assign(std::pair(who.kind, who.key), std::move(waiter));
}

void WaitingList::remove(const Holder& who) {
  const std::lock_guard lock(mutex_);
  removeLocked(who);
}

void WaitingList::removeLocked(const Holder& who) {
  const auto it = waiters_.find({who.kind, who.key});
  if (it == waiters_.end()) return;
  const Waiter& waiter = it->second;
  places_.erase(waiter.place);
  // A topic may stand there twice.
  const auto leave = [&](auto& index, const auto& topic) {
    const auto places = index.find(topic);
    if (places == index.end()) return;
    places->second.erase(waiter.place);
    if (places->second.empty()) index.erase(places);
  };
  for (const std::string& topic : waiter.topics) leave(topics_, topic);
  for (const auto& each : waiter.entry.obstacle.limits) leave(limits_, Limit{who.key.ns, each});
  waiters_.erase(it);
}

std::vector<Holder> WaitingList::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Holder> result;
  result.reserve(places_.size());
  for (const Place& place : places_) result.push_back({place.kind, place.key});
  return result;
}

std::vector<kube::ObjectKey> WaitingList::keys(Holder::Kind kind) const {
  std::vector<kube::ObjectKey> result;
  for (Holder& holder : all()) {
    if (holder.kind == kind) result.push_back(std::move(holder.key));
  }
  return result;
}

std::vector<Holder> WaitingList::sharing(const Shareable& what) const {
  const std::string topic = shareTopic(what.key);
  return ofTopic(what.everywhere ? topic : within(topic, what.ns));
}

std::vector<Holder> WaitingList::naming(const kube::ObjectKey& claim) const {
  return ofTopic(claimTopic(claim));
}

std::vector<Holder> WaitingList::ofTopic(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  std::vector<Holder> result;
  const auto places = topics_.find(topic);
  if (places == topics_.end()) return result;
  for (const Place& place : places->second) result.push_back({place.kind, place.key});
  return result;
}

std::optional<Holder> WaitingList::wake(const Freed& freed) {
  const std::lock_guard lock(mutex_);
  return nextLocked(freed, std::nullopt);
}

WaitingList::Woken WaitingList::looked(const Holder& who) {
  const std::lock_guard lock(mutex_);
  const auto it = woken_.find({who.kind, who.key});
  if (it == woken_.end()) return {};
  Woken woken = std::move(it->second);
  woken_.erase(it);
  return woken;
}

std::optional<Holder> WaitingList::passOn(const Freed& freed, const Woken& from) {
  const std::lock_guard lock(mutex_);
  return nextLocked(freed, from.place);
}

std::optional<Holder> WaitingList::nextLocked(const Freed& freed,
                                              const std::optional<Place>& after) {
  const Place* first = nullptr;
  for (const std::string& topic : topicsOf(freed)) {
    const auto places = topics_.find(topic);
    if (places == topics_.end()) continue;
    const auto place = after ? places->second.upper_bound(*after) : places->second.begin();
    if (place == places->second.end()) continue;
    if (first == nullptr || *place < *first) first = &*place;
  }
  if (first == nullptr) return std::nullopt;
  Woken& woken = woken_[{first->kind, first->key}];
  woken.place = *first;
  woken.freed.push_back(freed);
  if (!after) woken.freed.back().since = lastLook_;
  return Holder{first->kind, first->key};
}

std::vector<Holder> WaitingList::lookedSince(const Freed& freed) const {
  const std::lock_guard lock(mutex_);
  std::set<Place> found;
  for (const std::string& topic : topicsOf(freed)) {
    const auto places = topics_.find(topic);
    if (places == topics_.end()) continue;
    for (const Place& place : places->second) {
      if (waiters_.at({place.kind, place.key}).looked > freed.since) found.insert(place);
    }
  }
  std::vector<Holder> result;
  result.reserve(found.size());
  for (const Place& place : found) result.push_back({place.kind, place.key});
  return result;
}

std::vector<Limit> WaitingList::limitsIn(const std::string& ns) const {
  const std::lock_guard lock(mutex_);
  std::vector<Limit> limits;
  for (auto it = limits_.lower_bound({ns, {}}); it != limits_.end() && it->first.ns == ns; ++it) {
    limits.push_back(it->first);
  }
  return limits;
}

std::optional<Holder> WaitingList::wake(const Limit& limit, const MayHave& mayHave) {
  const std::lock_guard lock(mutex_);
  return nextLocked(limit, std::nullopt, mayHave);
}

std::optional<Holder> WaitingList::passOn(const Limit& limit, const Woken& from,
                                          const MayHave& mayHave) {
  const std::lock_guard lock(mutex_);
  return nextLocked(limit, from.place, mayHave);
}

std::optional<Holder> WaitingList::nextLocked(const Limit& limit, const std::optional<Place>& after,
                                              const MayHave& mayHave) {
  const auto places = limits_.find(limit);
  if (places == limits_.end()) return std::nullopt;
  auto it = after ? places->second.upper_bound(*after) : places->second.begin();
  for (; it != places->second.end(); ++it) {
    const Holder who{it->kind, it->key};
    if (!mayHave(who)) continue;
    Woken& woken = woken_[{it->kind, it->key}];
    woken.place = *it;
    woken.limits.insert(limit);
    return who;
  }
  return std::nullopt;
}

std::size_t WaitingList::countIf(const std::function<bool(Holder::Kind, const Entry&)>& of) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(waiters_.begin(), waiters_.end(),
                    [&](const auto& each) { return of(each.first.first, each.second.entry); }));
}

std::size_t WaitingList::waiting(Holder::Kind kind, RefusalReason reason) const {
  return countIf([&](Holder::Kind of, const Entry& entry) {
    return of == kind && entry.standing == Standing::kWaits && entry.reason == reason;
  });
}

std::size_t WaitingList::services(Standing standing) const {
  return countIf([&](Holder::Kind of, const Entry& entry) {
    return of == Holder::Kind::kService && entry.standing == standing;
  });
}

}  // namespace barevip::assigner
