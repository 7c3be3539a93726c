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
#include "barevip/kube/event_sink.h"

namespace barevip::kube {

struct EventEntry {
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
  using Slot = std::pair<const Event, EventEntry>;

  /// Pointers last until the memory changes; nullptr: there is none.
  [[nodiscard]] const EventEntry* find(const Event& event) const {
    const auto it = entries_.find(event);
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

  /// Adds or replaces; of a replaced one type and action stay.
  void put(const Event& event, const EventEntry& entry) {
    const auto [it, fresh] = entries_.try_emplace(event);
    if (!fresh) unlist(&*it);
    it->second = entry;
    byAge_.insert(&*it);
    if (it->second.pending()) pending_.insert(&*it);
  }

  void forget(const Event& event) {
    const auto it = entries_.find(event);
    if (it == entries_.end()) return;
    unlist(&*it);
    entries_.erase(it);
  }

 private:
  /// What makes two occurrences one event: the object, the reason and the note.
  struct ByIdentity {
    static auto identity(const Event& event) {
      return std::tie(event.resource.plural, event.key, event.uid, event.reason, event.note);
    }
    bool operator()(const Event& a, const Event& b) const { return identity(a) < identity(b); }
  };
  struct ByDue {
    bool operator()(const Slot* a, const Slot* b) const {
      if (a->second.due != b->second.due) return a->second.due < b->second.due;
      return ByIdentity{}(a->first, b->first);
    }
  };
  struct ByAge {
    bool operator()(const Slot* a, const Slot* b) const {
      const bool aWaits = a->second.pending();
      const bool bWaits = b->second.pending();
      const auto age = std::tie(aWaits, a->second.lastSeen);
      const auto otherAge = std::tie(bWaits, b->second.lastSeen);
      return age != otherAge ? age < otherAge : ByIdentity{}(a->first, b->first);
    }
  };

  // Before what the orders look at changes.
  void unlist(const Slot* slot) {
    byAge_.erase(slot);
    pending_.erase(slot);
  }

  std::map<Event, EventEntry, ByIdentity> entries_;
  std::set<const Slot*, ByDue> pending_;
  std::set<const Slot*, ByAge> byAge_;
};

}  // namespace barevip::kube
