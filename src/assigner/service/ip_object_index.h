// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "barevip/kube/object_key.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"

namespace barevip::assigner {

/// Which IP objects name which Service as their owner. Thread-safe.
class IpObjectIndex {
 public:
  using Ptr = kube::Store<model::IpObject>::Ptr;

  /// To be called for each change of the store; null: not there.
  void update(const Ptr& before, const Ptr& after);

  [[nodiscard]] std::vector<kube::ObjectKey> ipObjectsOf(const kube::ObjectKey& service) const;

 private:
  /// By Service, then by name. An object without an owner is in no order.
  struct ByService {
    using is_transparent = void;

    bool operator()(const Ptr& a, const Ptr& b) const;
    bool operator()(const Ptr& ipObject, const kube::ObjectKey& service) const;
    bool operator()(const kube::ObjectKey& service, const Ptr& ipObject) const;
  };

  mutable std::mutex mutex_;
  std::set<Ptr, ByService> ipObjects_;
};

}  // namespace barevip::assigner
