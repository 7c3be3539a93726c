// SPDX-License-Identifier: Apache-2.0
#include "assigner/claim_index.h"

namespace barevip::assigner {

kube::ObjectKey ownerOf(const model::IpClaim& claim) {
  if (!claim.serviceOwner) return {};
  return {claim.key.ns, claim.serviceOwner->name};
}

void ClaimIndex::update(const Ptr& before, const Ptr& after) {
  const std::lock_guard lock(mutex_);
  if (before && before->serviceOwner) {
    const auto it = claims_.find(ownerOf(*before));
    if (it != claims_.end()) {
      it->second.erase(before->key);
      if (it->second.empty()) claims_.erase(it);
    }
  }
  if (after && after->serviceOwner) claims_[ownerOf(*after)].insert(after->key);
}

std::vector<kube::ObjectKey> ClaimIndex::claimsOf(const kube::ObjectKey& service) const {
  const std::lock_guard lock(mutex_);
  const auto it = claims_.find(service);
  if (it == claims_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

}  // namespace barevip::assigner
