// SPDX-License-Identifier: Apache-2.0
// Keys that wait to be worked on (client-go's workqueue).
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include "barevip/base/clock.h"

namespace barevip::kube {

/// A key is in the queue once however often it is added, and never with two workers at the same
/// time: one that is added while it is worked on comes back after done(). Keys come out in the
/// order in which they went in. Thread-safe. Key needs operator<.
template <class Key>
class WorkQueue {
 public:
  /// Failure n of a key waits first * 2^n, at most longest.
  struct Limits {
    std::chrono::milliseconds first{5};
    std::chrono::milliseconds longest{60'000};
  };

  explicit WorkQueue(const Clock& clock) : WorkQueue(clock, Limits{}) {}
  WorkQueue(const Clock& clock, Limits limits) : clock_(clock), limits_(limits) {}
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void add(const Key& key) {
    const std::lock_guard lock(mutex_);
    insert(key);
  }

  /// If the key waits already, the earlier time counts.
  void addAfter(const Key& key, std::chrono::milliseconds delay) {
    const std::lock_guard lock(mutex_);
    if (delay <= std::chrono::milliseconds::zero()) {
      insert(key);
      return;
    }
    const MonotonicTime due = clock_.now() + delay;
    const bool isNext = due < nextDue();
    const auto [it, fresh] = waiting_.try_emplace(key, due);
    if (!fresh) {
      if (it->second <= due) return;
      dueTimes_.erase({it->second, key});
      it->second = due;
    }
    dueTimes_.emplace(due, key);
    if (isNext) wake_.notify_all();
  }

  /// Adds after a pause that doubles with each failure since forget().
  void addRateLimited(const Key& key) {
    std::chrono::milliseconds delay{};
    {
      const std::lock_guard lock(mutex_);
      std::size_t& count = failures_[key];
      delay = limits_.first;
      for (std::size_t i = 0; i < count && delay < limits_.longest; ++i) delay *= 2;
      delay = std::min(delay, limits_.longest);
      ++count;
    }
    addAfter(key, delay);
  }

  /// The key succeeded: its next failure is its first.
  void forget(const Key& key) {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
  }

  /// Waits for a key; the caller owes a done(). nullopt after stop or shutdown.
  [[nodiscard]] std::optional<Key> pop(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (true) {
      promoteDue();
      if (shutDown_ || stop.stop_requested()) return std::nullopt;
      if (!queue_.empty()) break;
      const MonotonicTime deadline = nextDue();
      clock_.waitUntil(lock, wake_, stop, deadline,
                       [&] { return shutDown_ || !queue_.empty() || nextDue() < deadline; });
    }
    return take();
  }

  /// As pop(), but nullopt at once if there is no key whose time has come.
  [[nodiscard]] std::optional<Key> tryPop() {
    const std::lock_guard lock(mutex_);
    promoteDue();
    if (shutDown_ || queue_.empty()) return std::nullopt;
    return take();
  }

  void done(const Key& key) {
    const std::lock_guard lock(mutex_);
    processing_.erase(key);
    const auto again = dirty_.find(key);
    if (again == dirty_.end()) return;
    queue_.push_back(again);
    wake_.notify_one();
  }

  /// Every pop() returns nullopt from now on, add() does nothing.
  void shutdown() {
    const std::lock_guard lock(mutex_);
    shutDown_ = true;
    wake_.notify_all();
  }

  /// How long the key, which a worker has, was in the queue before.
  [[nodiscard]] std::chrono::nanoseconds waited(const Key& key) const {
    const std::lock_guard lock(mutex_);
    return processing_.at(key);
  }
  [[nodiscard]] const Clock& clock() const { return clock_; }

  /// Keys that could be popped now.
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  /// No key could be popped now, and no worker has one.
  [[nodiscard]] bool idle() const {
    const std::lock_guard lock(mutex_);
    return dirty_.empty() && processing_.empty();
  }
  /// Keys that wait for their time.
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  /// Failures of the key since forget().
  [[nodiscard]] std::size_t failures(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto it = failures_.find(key);
    return it == failures_.end() ? 0 : it->second;
  }

 private:
  // With mutex_ held:
  void insert(const Key& key) {
    if (shutDown_) return;
    const auto [it, fresh] = dirty_.try_emplace(key, clock_.now());
    if (!fresh || processing_.contains(key)) return;
    queue_.push_back(it);
    wake_.notify_one();
  }

  Key take() {
    const auto next = queue_.front();
    queue_.pop_front();
    auto taken = dirty_.extract(next);
    processing_.emplace(taken.key(), clock_.now() - taken.mapped());
    return std::move(taken.key());
  }

  void promoteDue() {
    const MonotonicTime now = clock_.now();
    while (!dueTimes_.empty() && dueTimes_.begin()->first <= now) {
      const Key key = dueTimes_.begin()->second;
      dueTimes_.erase(dueTimes_.begin());
      waiting_.erase(key);
      insert(key);
    }
  }

  [[nodiscard]] MonotonicTime nextDue() const {
    return dueTimes_.empty() ? MonotonicTime::max() : dueTimes_.begin()->first;
  }

  const Clock& clock_;
  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  /// To be worked on, in the queue or after the work that runs: since when.
  std::map<Key, MonotonicTime> dirty_;
  std::deque<typename std::map<Key, MonotonicTime>::iterator> queue_;
  std::map<Key, std::chrono::nanoseconds> processing_;  ///< with a worker: how long it waited
  std::map<Key, MonotonicTime> waiting_;
  std::set<std::pair<MonotonicTime, Key>> dueTimes_;  ///< waiting_ by time
  std::map<Key, std::size_t> failures_;
  bool shutDown_ = false;
};

}  // namespace barevip::kube
