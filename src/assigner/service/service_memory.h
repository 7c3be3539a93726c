// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "barevip/base/ip.h"
#include "barevip/base/text.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

/// What one leader remembers of Services between two looks at them. The next leader does without:
/// whatever must outlast a process is in IP objects and statuses. Thread-safe.
class ServiceMemory {
 public:
  /// barevip looks after the Service as it is now. Returns whether it is another one than was seen
  /// before under the same key.
  bool seen(const model::Service& service);
  /// Whether barevip looked after this very Service when it had the class that it has now.
  [[nodiscard]] bool servedAsItIs(const model::Service& service) const;
  /// It is gone, or barevip does not look after it any more.
  void forget(const kube::ObjectKey& service);

  /// Whether an event reported that it is left as it is, because it shows what others gave.
  [[nodiscard]] bool leftAlone(const kube::ObjectKey& service) const;
  void setLeftAlone(const kube::ObjectKey& service, bool is);

  // The addresses that it was given in this term and never had an IP object for: it is refused, or,
  // in a burst, its turn is still to come.

  void addUnrecorded(const kube::ObjectKey& service, const IpAddress& address);
  /// There is an IP object now, or the Service has the address no more.
  void removeUnrecorded(const kube::ObjectKey& service, const IpAddress& address);
  [[nodiscard]] std::set<IpAddress> unrecorded(const kube::ObjectKey& service) const;

 private:
  struct Entry {
    // Small: every Service has an entry.
    Text uid;  ///< empty: barevip does not look after it
    Text servedClass;
    bool leftAlone = false;

    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// Changes the entry of the Service, and keeps it only if it says anything.
  template <class Change>
  auto change(const kube::ObjectKey& service, Change&& apply);
  /// nullptr: nothing is remembered. The lock must be held.
  [[nodiscard]] const Entry* find(const kube::ObjectKey& service) const;

  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, Entry> entries_;
  std::map<kube::ObjectKey, std::set<IpAddress>> unrecorded_;  ///< not empty
};

}  // namespace barevip::assigner
