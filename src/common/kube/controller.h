// SPDX-License-Identifier: Apache-2.0
// Workers that take keys from a queue and reconcile them (controller-runtime's controller).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "barevip/base/log.h"
#include "barevip/base/result.h"

#include "common/kube/work_queue.h"

namespace barevip::kube {

struct ReconcileResult {
  std::chrono::milliseconds requeueAfter{0};  ///< 0: not again until something changes
};

/// One key that was worked on.
struct Work {
  std::chrono::nanoseconds waited{0};  ///< in the queue, its time having come
  std::chrono::nanoseconds took{0};
  bool ok = true;
};

/// Reconcile brings the world to what is wanted for one key; it looks at the state as a whole, not
/// at what changed. An error brings the key back later and later (or when the server said so), an
/// exception is an error, a success forgets earlier failures. kStopped is silent: after stop() the
/// key is done with, before it the key comes back later and later (a leader whose renewal is late
/// may not write for some seconds, and then leads on).
template <class Key>
class Controller {
 public:
  using Reconcile = std::function<Result<ReconcileResult>(const Key&, std::stop_token)>;

  /// The queue must outlive this. `describe` names a key in the log; `observe`, if there is one,
  /// gets all work, on the workers' threads.
  Controller(std::string name, WorkQueue<Key>& queue, Reconcile reconcile,
             std::function<std::string(const Key&)> describe,
             std::function<void(const Work&)> observe = {})
      : name_(std::move(name)),
        queue_(queue),
        reconcile_(std::move(reconcile)),
        describe_(std::move(describe)),
        observe_(std::move(observe)) {}
  ~Controller() { stop(); }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void start(std::size_t workers = 1) {
    for (std::size_t i = 0; i < workers; ++i) {
      workers_.emplace_back([this](const std::stop_token& stop) {
        while (auto key = queue_.pop(stop)) process(*key, stop);
      });
    }
  }

  /// Does a worker's job for one key on the caller's thread. False if no key's time has come.
  bool workOnce(const std::stop_token& stop) {
    const auto key = queue_.tryPop();
    if (key) process(*key, stop);
    return key.has_value();
  }

  /// Returns when every worker has finished its key.
  void stop() {
    for (std::jthread& worker : workers_) worker.request_stop();
    workers_.clear();
  }

  [[nodiscard]] std::uint64_t successes() const { return successes_.load(); }
  [[nodiscard]] std::uint64_t failures() const { return failures_.load(); }

 private:
  void process(const Key& key, const std::stop_token& stop) {
    const MonotonicTime begin = queue_.clock().now();
    Result<ReconcileResult> result = guarded(key, stop);
    if (observe_) {
      observe_({queue_.waited(key), queue_.clock().now() - begin, result.has_value()});
    }
    if (result) {
      ++successes_;
      queue_.forget(key);
      said(key, {});
      if (result->requeueAfter.count() > 0) queue_.addAfter(key, result->requeueAfter);
    } else if (result.error().code == ErrorCode::kStopped) {
      if (!stop.stop_requested()) queue_.addRateLimited(key);
    } else {
      ++failures_;
      complain(key, result.error());
      if (result.error().retryAfter.count() > 0) {
        queue_.addAfter(key, result.error().retryAfter);
      } else {
        queue_.addRateLimited(key);
      }
    }
    queue_.done(key);
  }

  Result<ReconcileResult> guarded(const Key& key, const std::stop_token& stop) {
    try {
      return reconcile_(key, stop);
    } catch (const std::exception& exception) {
      return fail(ErrorCode::kInternal, std::string("exception: ") + exception.what());
    }
  }

  // A conflict is the ordinary way to learn that another writer was quicker.
  void complain(const Key& key, const Error& error) {
    const bool repeated = !said(key, error.message);
    const bool quiet = repeated || error.code == ErrorCode::kConflict;
    log::write(quiet ? log::Level::kDebug : log::Level::kWarn, "Will try again",
               {{"controller", name_}, {"key", describe_(key)}, {"reason", error.message}});
  }

  // Remembers what the log says of a key; false if it says so already.
  bool said(const Key& key, const std::string& message) {
    const std::lock_guard lock(mutex_);
    if (message.empty()) return said_.erase(key) > 0;
    return std::exchange(said_[key], message) != message;
  }

  const std::string name_;
  WorkQueue<Key>& queue_;
  Reconcile reconcile_;
  std::function<std::string(const Key&)> describe_;
  std::function<void(const Work&)> observe_;
  std::atomic<std::uint64_t> successes_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::mutex mutex_;
  std::map<Key, std::string> said_;
  std::vector<std::jthread> workers_;
};

}  // namespace barevip::kube
