// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <set>
#include <vector>

#include "barevip/kube/object_key.h"

namespace barevip::kube {

/// Which objects have some property. Thread-safe.
class KeySet {
 public:
  /// Returns whether that is a change.
  bool set(const ObjectKey& key, bool in) {
    const std::lock_guard lock(mutex_);
    return in ? keys_.insert(key).second : keys_.erase(key) != 0;
  }

  [[nodiscard]] std::vector<ObjectKey> all() const {
    const std::lock_guard lock(mutex_);
    return {keys_.begin(), keys_.end()};
  }

 private:
  mutable std::mutex mutex_;
  std::set<ObjectKey> keys_;
};

}  // namespace barevip::kube
