// SPDX-License-Identifier: Apache-2.0
// Keys that need work. The shape is client-go's util/workqueue.
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

#include "barevip/base/clock.h"

namespace barevip::kube {

/// A key is in the queue at most once and is never with two workers at a time; one that is added
/// while a worker has it comes again after done(). Delayed and failed keys come when their time is
/// there. Thread-safe. Key is an ordered value.
template <class Key>
class WorkQueue {
 public:
  struct Options {
    std::chrono::milliseconds firstRetry{5};  ///< doubles with each failure in a row
    std::chrono::milliseconds mostRetry{60'000};
  };

  explicit WorkQueue(const Clock& clock) : WorkQueue(clock, Options{}) {}
  WorkQueue(const Clock& clock, Options options) : clock_(clock), options_(options) {}

  void add(const Key& key) {
    const std::lock_guard lock(mutex_);
    delayed_.erase(key);
    addLocked(key);
  }

  /// After the delay, or earlier if somebody adds the key; the earliest of several delays counts.
  void addAfter(const Key& key, std::chrono::milliseconds delay) {
    const std::lock_guard lock(mutex_);
    delayLocked(key, delay);
  }

  /// A failure: the key comes again after a delay that doubles each time until forget().
  void retry(const Key& key) {
    const std::lock_guard lock(mutex_);
    const unsigned failures = std::min(failures_[key]++, 20U);
    delayLocked(key, std::min(options_.firstRetry * (1U << failures), options_.mostRetry));
  }

  /// The key did well: its next failure starts with the first delay.
  void forget(const Key& key) {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
  }

  /// Blocks until there is a key (call done() after the work) or stop.
  [[nodiscard]] std::optional<Key> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      promoteLocked();
      if (!ready_.empty()) {
        Key key = ready_.front();
        ready_.pop_front();
        dirty_.erase(key);
        working_.insert(key);
        return key;
      }
      const std::size_t seen = changes_;
      clock_.waitUntil(lock, wake_, stop, nextTimeLocked(),
                       [&] { return changes_ != seen || !ready_.empty(); });
    }
    return std::nullopt;
  }

  void done(const Key& key) {
    const std::lock_guard lock(mutex_);
    working_.erase(key);
    if (dirty_.contains(key)) {
      ready_.push_back(key);
      notifyLocked();
    }
  }

  /// Keys that wait for a worker now, without the delayed ones.
  [[nodiscard]] std::size_t depth() const {
    const std::lock_guard lock(mutex_);
    return ready_.size();
  }

  /// Nothing is ready, delayed or with a worker.
  [[nodiscard]] bool idle() const {
    const std::lock_guard lock(mutex_);
    return dirty_.empty() && working_.empty() && delayed_.empty();
  }

 private:
  void addLocked(const Key& key) {
    if (!dirty_.insert(key).second) return;
    if (working_.contains(key)) return;
    ready_.push_back(key);
    notifyLocked();
  }

  void delayLocked(const Key& key, std::chrono::milliseconds delay) {
    const MonotonicTime due = clock_.now() + delay;
    const auto [it, inserted] = delayed_.try_emplace(key, due);
    if (!inserted) it->second = std::min(it->second, due);
    notifyLocked();
  }

  void promoteLocked() {
    const MonotonicTime now = clock_.now();
    for (auto it = delayed_.begin(); it != delayed_.end();) {
      if (it->second <= now) {
        addLocked(it->first);
        it = delayed_.erase(it);
      } else {
        ++it;
      }
    }
  }

  [[nodiscard]] MonotonicTime nextTimeLocked() const {
    MonotonicTime next = clock_.now() + std::chrono::hours(1);
    for (const auto& [key, due] : delayed_) next = std::min(next, due);
    return next;
  }

  void notifyLocked() {
    ++changes_;
    wake_.notify_all();
  }

  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Key> ready_;
  std::set<Key> dirty_;  ///< ready, or to come again after done()
  std::set<Key> working_;
  std::map<Key, MonotonicTime> delayed_;
  std::map<Key, unsigned> failures_;
  std::size_t changes_ = 0;
};

}  // namespace barevip::kube
