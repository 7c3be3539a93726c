// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <mutex>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/object_key.h"

namespace barevip::kube {

/// Writes that fail, by object: an outage is ordinary, and what lasts is worth an event.
/// Thread-safe.
class FailingWrites {
 public:
  /// A try and its pause double at most up to half a minute, so a failure that lasts is reported
  /// within that time.
  static constexpr std::chrono::seconds kPatience{10};

  explicit FailingWrites(const Clock& clock) : clock_(clock) {}

  /// A write failed. Returns whether it has failed for long; a conflict with another writer and
  /// a stop do not count.
  bool failed(const ObjectKey& key, const Error& error);
  /// A write succeeded, or there is nothing to write.
  void succeeded(const ObjectKey& key);

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::map<ObjectKey, MonotonicTime> since_;
};

}  // namespace barevip::kube
