// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "barevip/kube/object_key.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_claim.h"

namespace barevip::assigner {

/// Which IP objects name which Service as their owner. Thread-safe.
class ClaimIndex {
 public:
  using Ptr = kube::Store<model::IpClaim>::Ptr;

  /// To be called for each change of the store; null: not there.
  void update(const Ptr& before, const Ptr& after);

  [[nodiscard]] std::vector<kube::ObjectKey> claimsOf(const kube::ObjectKey& service) const;

 private:
  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, std::set<kube::ObjectKey>> claims_;  ///< by Service
};

/// The Service that owns the claim; its name is empty if none does.
[[nodiscard]] kube::ObjectKey ownerOf(const model::IpClaim& claim);

}  // namespace barevip::assigner
