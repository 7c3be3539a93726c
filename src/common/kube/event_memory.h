// SPDX-License-Identifier: Apache-2.0
// The events that an EventRecorder remembers: which is written next, which is forgotten first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

namespace barevip::kube {

/// The object that an event is about.
struct EventSubject {
  Resource resource;
  ObjectKey key;
  std::string uid;
};

enum class EventType : std::uint8_t { kNormal, kWarning };

struct EventEntry {
  EventSubject subject;
  EventType type = EventType::kNormal;
  std::string action;
  std::string name;        ///< of the Event
  WallTime first;          ///< of the first occurrence
  WallTime last;           ///< of the newest
  MonotonicTime lastSeen;  ///< the same, for the memory
  MonotonicTime due;       ///< when to write next, if anything is to be written
  std::int64_t count = 1;
  std::int64_t writtenCount = 0;  ///< 0: not created yet
  int tries = 0;

  [[nodiscard]] bool pending() const { return count != writtenCount; }
};

/// Everything is O(log n): thousands of events may come at once. Not thread-safe.
class EventMemory {
 public:
  using Id = std::tuple<std::string, std::string, std::string>;  ///< object, reason, note
  using Slot = std::pair<const Id, EventEntry>;

  /// Pointers last until the memory changes; nullptr: there is none.
  [[nodiscard]] const EventEntry* find(const Id& id) const {
    const auto it = entries_.find(id);
    return it == entries_.end() ? nullptr : &it->second;
  }
  /// Of those with something to write the one that is due first.
  [[nodiscard]] const Slot* nextToWrite() const {
    return pending_.empty() ? nullptr : *pending_.begin();
  }
  /// The one that was silent for longest; those that are written come before those that wait.
  [[nodiscard]] const Slot* firstToForget() const {
    return byAge_.empty() ? nullptr : *byAge_.begin();
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  /// Adds or replaces.
  void put(const Id& id, EventEntry entry) {
    const auto [it, fresh] = entries_.try_emplace(id);
    if (!fresh) unlist(&*it);
    it->second = std::move(entry);
    byAge_.insert(&*it);
    if (it->second.pending()) pending_.insert(&*it);
  }

  void forget(const Id& id) {
    const auto it = entries_.find(id);
    if (it == entries_.end()) return;
    unlist(&*it);
    entries_.erase(it);
  }

 private:
  struct ByDue {
    bool operator()(const Slot* a, const Slot* b) const {
      return std::tie(a->second.due, a->first) < std::tie(b->second.due, b->first);
    }
  };
  struct ByAge {
    bool operator()(const Slot* a, const Slot* b) const {
      const bool aWaits = a->second.pending();
      const bool bWaits = b->second.pending();
      return std::tie(aWaits, a->second.lastSeen, a->first) <
             std::tie(bWaits, b->second.lastSeen, b->first);
    }
  };

  // Before what the orders look at changes.
  void unlist(const Slot* slot) {
    byAge_.erase(slot);
    pending_.erase(slot);
  }

  std::map<Id, EventEntry> entries_;
  std::set<const Slot*, ByDue> pending_;
  std::set<const Slot*, ByAge> byAge_;
};

}  // namespace barevip::kube
