// SPDX-License-Identifier: Apache-2.0
#include "common/model/text_budget.h"

namespace barevip::model {

bool TextBudget::take(const kube::ObjectKey& object, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  releaseLocked(object);
  if (bytes <= limits_.freeOfEach) return true;
  const std::size_t beyond = bytes - limits_.freeOfEach;
  const auto ns = byNamespace_.find(object.ns);
  const std::size_t ofNamespace = ns == byNamespace_.end() ? 0 : ns->second;
  if (ofNamespace + beyond > limits_.ofNamespace || used_ + beyond > limits_.ofAll) return false;
  taken_[object] = beyond;
  byNamespace_[object.ns] = ofNamespace + beyond;
  used_ += beyond;
  return true;
}

void TextBudget::release(const kube::ObjectKey& object) {
  const std::lock_guard lock(mutex_);
  releaseLocked(object);
}

std::size_t TextBudget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

void TextBudget::releaseLocked(const kube::ObjectKey& object) {
  const auto taken = taken_.find(object);
  if (taken == taken_.end()) return;
  used_ -= taken->second;
  const auto ns = byNamespace_.find(object.ns);
  ns->second -= taken->second;
  if (ns->second == 0) byNamespace_.erase(ns);
  taken_.erase(taken);
}

}  // namespace barevip::model
