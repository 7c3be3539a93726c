// SPDX-License-Identifier: Apache-2.0
// IP objects that give way to Services without a worker.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "barevip/kube/object_key.h"

namespace barevip::controlplane {

/// The address of a Service is worth more than the status of an IP object that says the same. While
/// Services wait for a worker, such an IP object is deferred: one is released in each interval, and
/// all when no Service waits any more. The first to come is the first to go. A key whose turn has
/// come is admitted once without being asked to give way. Thread-safe; O(log n).
class DeferredQueue {
 public:
  /// How often release() is called while it is not empty.
  static constexpr std::chrono::milliseconds kInterval{200};

  /// Whether the key may be worked on now; otherwise it is deferred and keeps the place that it
  /// has. giveWay: something more urgent waits.
  bool admit(const kube::ObjectKey& key, bool giveWay) {
    const std::lock_guard lock(mutex_);
    const bool itsTurn = released_.erase(key) != 0;
    if (giveWay && !itsTurn) {
      if (places_.try_emplace(key, next_).second) order_.emplace_back(next_++, key);
      return false;
    }
    places_.erase(key);
    if (places_.empty()) order_.clear();
    return true;
  }

  /// The keys whose turn it is, in order: the first if something more urgent waits, otherwise all.
  std::vector<kube::ObjectKey> release(bool giveWay) {
    const std::lock_guard lock(mutex_);
    std::vector<kube::ObjectKey> keys;
    keys.reserve(giveWay ? 1 : places_.size());
    while (!order_.empty() && (!giveWay || keys.empty())) {
      const auto [number, key] = std::move(order_.front());
      order_.pop_front();
      const auto place = places_.find(key);
      if (place == places_.end() || place->second != number) continue;
      places_.erase(place);
      if (giveWay) released_.insert(key);
      keys.push_back(key);
    }
    return keys;
  }

  [[nodiscard]] bool empty() const {
    const std::lock_guard lock(mutex_);
    return places_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, std::uint64_t> places_;
  /// By place; also keys that were admitted since and have this place no more.
  std::deque<std::pair<std::uint64_t, kube::ObjectKey>> order_;
  std::uint64_t next_ = 0;
  std::set<kube::ObjectKey> released_;  ///< to be admitted once
};

}  // namespace barevip::controlplane
