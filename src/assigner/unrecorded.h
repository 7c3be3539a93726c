// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::assigner {

/// The addresses that Services show though they never had an IP object for them: those of a burst
/// whose turn for it is still to come. Thread-safe.
class Unrecorded {
 public:
  void add(const kube::ObjectKey& service, const std::string& uid, const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[service];
    if (entry.uid != uid) entry = {uid, {}};
    entry.addresses.insert(address);
  }

  /// There is an IP object now, or the address is not shown any more.
  void remove(const kube::ObjectKey& service, const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(service);
    if (it == entries_.end()) return;
    it->second.addresses.erase(address);
    if (it->second.addresses.empty()) entries_.erase(it);
  }

  void forget(const kube::ObjectKey& service) {
    const std::lock_guard lock(mutex_);
    entries_.erase(service);
  }

  [[nodiscard]] std::set<IpAddress> of(const kube::ObjectKey& service) const {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(service);
    return it == entries_.end() ? std::set<IpAddress>{} : it->second.addresses;
  }

  /// Those of an earlier Service of the same name, which has another uid.
  [[nodiscard]] std::vector<IpAddress> ofAnother(const kube::ObjectKey& service,
                                                 const std::string& uid) const {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(service);
    if (it == entries_.end() || it->second.uid == uid) return {};
    return {it->second.addresses.begin(), it->second.addresses.end()};
  }

 private:
  struct Entry {
    std::string uid;
    std::set<IpAddress> addresses;
  };

  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, Entry> entries_;
};

}  // namespace barevip::assigner
