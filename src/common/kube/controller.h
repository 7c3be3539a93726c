// SPDX-License-Identifier: Apache-2.0
// Workers that reconcile the keys of one queue.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "barevip/base/log.h"
#include "barevip/base/result.h"

#include "common/kube/work_queue.h"

namespace barevip::kube {

struct ReconcileResult {
  /// Look again after this time, 0: only when something changes.
  std::chrono::milliseconds requeueAfter{0};
};

/// Runs `reconcile` on N threads from start to stop or destruction. An error means that the key is
/// tried again with growing delays; kStopped and kConflict are ordinary and not logged as warnings.
template <class Key>
class Controller {
 public:
  using Reconcile = std::function<Result<ReconcileResult>(const Key&, const std::stop_token&)>;

  Controller(std::string name, WorkQueue<Key>& queue, Reconcile reconcile)
      : name_(std::move(name)), queue_(queue), reconcile_(std::move(reconcile)) {}

  void start(std::size_t workers) {
    for (std::size_t i = 0; i < workers; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }

  /// Returns when no reconcile runs any more.
  void stop() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
  }

  /// One reconcile of one key and its consequences for the queue, on the caller's thread.
  void process(const Key& key, const std::stop_token& stop) {
    const auto result = reconcile_(key, stop);
    if (result) {
      queue_.forget(key);
      if (result->requeueAfter.count() > 0) queue_.addAfter(key, result->requeueAfter);
    } else if (result.error().code != ErrorCode::kStopped) {
      if (result.error().code == ErrorCode::kConflict) {
        log::debug("reconcile met a newer object", {{"controller", name_}, {"key", text(key)}});
      } else {
        log::warn("reconcile failed and is tried again",
                  {{"controller", name_}, {"key", text(key)}, {"error", result.error().message}});
      }
      if (result.error().retryAfter.count() > 0) {
        queue_.addAfter(key, result.error().retryAfter);
      } else {
        queue_.retry(key);
      }
    }
    queue_.done(key);
  }

 private:
  static std::string text(const Key& key) {
    if constexpr (requires { key.toString(); }) {
      return key.toString();
    } else {
      return std::string(key);
    }
  }

  void work(const std::stop_token& stop) {
    while (const auto key = queue_.take(stop)) process(*key, stop);
  }

  std::string name_;
  WorkQueue<Key>& queue_;
  Reconcile reconcile_;
  std::vector<std::jthread> threads_;
};

}  // namespace barevip::kube
