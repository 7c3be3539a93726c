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
std::string ipObjectTopic(const kube::ObjectKey& ipObject) { return "ip " + ipObject.toString(); }
std::string shareTopic(const std::string& key) { return "share " + key; }
// Those of one namespace alone: what rests is for them.
std::string within(const std::string& topic, const std::string& ns) { return topic + " in " + ns; }

// What the index of topics holds of one who waits.
std::vector<std::string> poolTopics(const Obstacle& obstacle, const std::string& ns,
                                    std::optional<Family> of = std::nullopt) {
  std::vector<std::string> topics;
  for (const auto& [pool, family] : obstacle.exhausted) {
    if (of && family != *of) continue;
    topics.push_back(poolTopic(pool, family));
    topics.push_back(within(topics.back(), ns));
  }
  return topics;
}

std::vector<std::string> topicsOf(const WaitingList::Entry& entry, const std::string& ns) {
  const Obstacle& obstacle = entry.obstacle;
  std::vector<std::string> topics = poolTopics(obstacle, ns);
  const auto add = [&](std::string topic) {
    topics.push_back(within(topic, ns));
    topics.push_back(std::move(topic));
  };
  for (const IpAddress& address : obstacle.addresses) add(addressTopic(address));
  for (const kube::ObjectKey& ipObject : obstacle.ipObjects)
    topics.push_back(ipObjectTopic(ipObject));
  for (const std::string& key : entry.shareKeys) add(shareTopic(key));
  return topics;
}

// For whom an address is.
struct Topic {
  std::string name;
  std::string pool;  ///< empty: those who ask for its number
};

std::vector<Topic> topicsOf(const Freed& freed) {
  std::vector<Topic> topics{{addressTopic(freed.address), ""}};
  for (const std::string& pool : freed.pools) {
    topics.push_back({poolTopic(pool, freed.address.family()), pool});
  }
  if (!freed.resting) return topics;
  for (Topic& topic : topics) topic.name = within(topic.name, freed.ns);
  return topics;
}

// An index that has the place under the topic; a topic may stand there twice.
template <class Index, class Topic, class Place>
void leave(Index& index, const Topic& topic, const Place& place) {
  const auto places = index.find(topic);
  if (places == index.end()) return;
  places->second.erase(place);
  if (places->second.empty()) index.erase(places);
}

}  // namespace

void WaitingList::put(const Consumer& who, Entry entry) {
  const std::lock_guard lock(mutex_);
  removeLocked(who);
  Waiter waiter{{entry.since, who.kind, who.key}, std::move(entry), {}, ++lastLook_};
  waiter.topics = topicsOf(waiter.entry, who.key.ns);
  places_.insert(waiter.place);
  for (const std::string& topic : waiter.topics) topics_[topic].insert(waiter.place);
  for (const auto& each : waiter.entry.obstacle.limits) {
    limits_[{who.key.ns, each}].insert(waiter.place);
  }
  lineUpLocked(waiter);
  waiters_.insert_or_assign(std::pair(who.kind, who.key), std::move(waiter));
}

void WaitingList::remove(const Consumer& who) {
  const std::lock_guard lock(mutex_);
  removeLocked(who);
}

void WaitingList::removeLocked(const Consumer& who) {
  const auto it = waiters_.find({who.kind, who.key});
  if (it == waiters_.end()) return;
  const Waiter& waiter = it->second;
  places_.erase(waiter.place);
  for (const std::string& topic : waiter.topics) {
    leave(topics_, topic, waiter.place);
    leave(inLine_, topic, waiter.place);
  }
  for (const auto& each : waiter.entry.obstacle.limits) {
    leave(limits_, Limit{who.key.ns, each}, waiter.place);
  }
  waiters_.erase(it);
}

void WaitingList::lineUpLocked(const Waiter& waiter) {
  std::set<Family> promised;
  const auto woken = woken_.find({waiter.place.kind, waiter.place.key});
  if (woken != woken_.end()) {
    for (const Freed& each : woken->second.freed) promised.insert(each.address.family());
  }
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::string& ns = waiter.place.key.ns;
    for (const std::string& topic : poolTopics(waiter.entry.obstacle, ns, family)) {
      if (promised.contains(family)) {
        leave(inLine_, topic, waiter.place);
      } else {
        inLine_[topic].insert(waiter.place);
      }
    }
  }
}

std::vector<Consumer> WaitingList::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Consumer> result;
  result.reserve(places_.size());
  for (const Place& place : places_) result.push_back({place.kind, place.key});
  return result;
}

std::vector<kube::ObjectKey> WaitingList::keys(Consumer::Kind kind) const {
  std::vector<kube::ObjectKey> result;
  for (Consumer& consumer : all()) {
    if (consumer.kind == kind) result.push_back(std::move(consumer.key));
  }
  return result;
}

std::vector<Consumer> WaitingList::sharing(const Shareable& what) const {
  const std::string topic = shareTopic(what.key);
  return ofTopic(what.everywhere ? topic : within(topic, what.ns));
}

std::vector<Consumer> WaitingList::naming(const kube::ObjectKey& ipObject) const {
  return ofTopic(ipObjectTopic(ipObject));
}

std::vector<Consumer> WaitingList::ofTopic(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  std::vector<Consumer> result;
  const auto places = topics_.find(topic);
  if (places == topics_.end()) return result;
  for (const Place& place : places->second) result.push_back({place.kind, place.key});
  return result;
}

std::optional<Consumer> WaitingList::wake(const Freed& freed, const HasRoom& hasRoom) {
  const std::lock_guard lock(mutex_);
  return nextLocked(freed, std::nullopt, hasRoom);
}

WaitingList::Woken WaitingList::looks(const Consumer& who) {
  const std::lock_guard lock(mutex_);
  const auto it = woken_.find({who.kind, who.key});
  if (it == woken_.end()) return {};
  Woken woken = std::move(it->second);
  woken_.erase(it);
  return woken;
}

void WaitingList::decided(const Consumer& who) {
  const std::lock_guard lock(mutex_);
  const auto it = waiters_.find({who.kind, who.key});
  if (it != waiters_.end()) lineUpLocked(it->second);
}

std::optional<Consumer> WaitingList::passOn(const Freed& freed, const Woken& from,
                                            const HasRoom& hasRoom) {
  const std::lock_guard lock(mutex_);
  return nextLocked(freed, from.place, hasRoom);
}

std::optional<Consumer> WaitingList::nextLocked(const Freed& freed,
                                                const std::optional<Place>& after,
                                                const HasRoom& hasRoom) {
  auto next = findLocked(inLine_, freed, after, hasRoom);
  if (!next) next = findLocked(topics_, freed, after, hasRoom);
  if (!next) return std::nullopt;
  Woken& woken = woken_[{next->kind, next->key}];
  woken.place = *next;
  woken.freed.push_back(freed);
  if (!after) woken.freed.back().since = lastLook_;
  lineUpLocked(waiters_.at({next->kind, next->key}));
  return Consumer{next->kind, next->key};
}

std::optional<WaitingList::Place> WaitingList::findLocked(const Topics& index, const Freed& freed,
                                                          const std::optional<Place>& after,
                                                          const HasRoom& hasRoom) {
  std::optional<Place> first;
  for (const Topic& topic : topicsOf(freed)) {
    const Topics& of = topic.pool.empty() ? topics_ : index;
    const auto places = of.find(topic.name);
    if (places == of.end()) continue;
    auto place = after ? places->second.upper_bound(*after) : places->second.begin();
    for (; place != places->second.end() && (!first || *place < *first); ++place) {
      const Limit limit{place->key.ns, {topic.pool, freed.address.family()}};
      if (topic.pool.empty() || hasRoom(limit, {place->kind, place->key})) {
        first = *place;
      } else {
        waitsForRoomLocked(*place, limit);
      }
    }
  }
  return first;
}

void WaitingList::waitsForRoomLocked(const Place& place, const Limit& limit) {
  if (!limits_[limit].insert(place).second) return;
  waiters_.at({place.kind, place.key}).entry.obstacle.limits.push_back(limit.of);
}

std::vector<Consumer> WaitingList::lookedSince(const Freed& freed) const {
  const std::lock_guard lock(mutex_);
  std::set<Place> found;
  for (const Topic& topic : topicsOf(freed)) {
    const auto places = topics_.find(topic.name);
    if (places == topics_.end()) continue;
    for (const Place& place : places->second) {
      if (waiters_.at({place.kind, place.key}).looked > freed.since) found.insert(place);
    }
  }
  std::vector<Consumer> result;
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

std::optional<Consumer> WaitingList::wake(const Limit& limit, const HasRoom& hasRoom) {
  const std::lock_guard lock(mutex_);
  return nextLocked(limit, std::nullopt, hasRoom);
}

std::optional<Consumer> WaitingList::passOn(const Limit& limit, const Woken& from,
                                            const HasRoom& hasRoom) {
  const std::lock_guard lock(mutex_);
  return nextLocked(limit, from.place, hasRoom);
}

std::optional<Consumer> WaitingList::nextLocked(const Limit& limit,
                                                const std::optional<Place>& after,
                                                const HasRoom& hasRoom) {
  const auto places = limits_.find(limit);
  if (places == limits_.end()) return std::nullopt;
  auto it = after ? places->second.upper_bound(*after) : places->second.begin();
  for (; it != places->second.end(); ++it) {
    const Consumer who{it->kind, it->key};
    if (!hasRoom(limit, who)) continue;
    Woken& woken = woken_[{it->kind, it->key}];
    woken.place = *it;
    woken.limits.insert(limit);
    return who;
  }
  return std::nullopt;
}

std::size_t WaitingList::countIf(
    const std::function<bool(Consumer::Kind, const Entry&)>& of) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(waiters_.begin(), waiters_.end(),
                    [&](const auto& each) { return of(each.first.first, each.second.entry); }));
}

std::size_t WaitingList::waiting(Consumer::Kind kind, RefusalReason reason) const {
  return countIf([&](Consumer::Kind of, const Entry& entry) {
    return of == kind && entry.standing == Standing::kWaits && entry.reason == reason;
  });
}

std::size_t WaitingList::services(Standing standing) const {
  return countIf([&](Consumer::Kind of, const Entry& entry) {
    return of == Consumer::Kind::kService && entry.standing == standing;
  });
}

}  // namespace barevip::assigner
