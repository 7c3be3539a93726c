// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::assigner {

/// The addresses that Services were given in this term and never had an IP object for: it is
/// refused, or, in a burst, its turn is still to come. Thread-safe.
class Unrecorded {
 public:
  void add(const kube::ObjectKey& service, const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    entries_[service].insert(address);
  }

  /// There is an IP object now, or the Service has the address no more.
  void remove(const kube::ObjectKey& service, const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(service);
    if (it == entries_.end()) return;
    it->second.erase(address);
    if (it->second.empty()) entries_.erase(it);
  }

  [[nodiscard]] std::set<IpAddress> of(const kube::ObjectKey& service) const {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(service);
    return it == entries_.end() ? std::set<IpAddress>{} : it->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, std::set<IpAddress>> entries_;
};

}  // namespace barevip::assigner
