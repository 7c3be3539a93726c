// SPDX-License-Identifier: Apache-2.0
#include "common/kube/failing_writes.h"

namespace barevip::kube {

bool FailingWrites::failed(const ObjectKey& key, const Error& error) {
  if (error.code == ErrorCode::kConflict || error.code == ErrorCode::kStopped) return false;
  const MonotonicTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  return now - since_.emplace(key, now).first->second >= kPatience;
}

void FailingWrites::succeeded(const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  since_.erase(key);
}

}  // namespace barevip::kube
