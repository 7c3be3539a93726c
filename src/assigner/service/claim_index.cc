// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/claim_index.h"

#include <tuple>

#include "assigner/allocation/claim_owner.h"

namespace barevip::assigner {

void ClaimIndex::update(const Ptr& before, const Ptr& after) {
  const std::lock_guard lock(mutex_);
  if (before && before->serviceOwner) claims_.erase(before);
  if (after && after->serviceOwner) claims_.insert(after);
}

std::vector<kube::ObjectKey> ClaimIndex::claimsOf(const kube::ObjectKey& service) const {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = claims_.equal_range(service);
  std::vector<kube::ObjectKey> keys;
  for (auto it = first; it != last; ++it) keys.push_back((*it)->key);
  return keys;
}

bool ClaimIndex::ByService::operator()(const Ptr& a, const Ptr& b) const {
  return std::tie(a->key.ns, a->serviceOwner->name, a->key.name) <
         std::tie(b->key.ns, b->serviceOwner->name, b->key.name);
}

bool ClaimIndex::ByService::operator()(const Ptr& claim, const kube::ObjectKey& service) const {
  return std::tie(claim->key.ns, claim->serviceOwner->name) < std::tie(service.ns, service.name);
}

bool ClaimIndex::ByService::operator()(const kube::ObjectKey& service, const Ptr& claim) const {
  return std::tie(service.ns, service.name) < std::tie(claim->key.ns, claim->serviceOwner->name);
}

}  // namespace barevip::assigner
