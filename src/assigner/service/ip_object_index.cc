// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/ip_object_index.h"

#include <tuple>

#include "assigner/allocation/ip_object_owner.h"

namespace barevip::assigner {

void IpObjectIndex::update(const Ptr& before, const Ptr& after) {
  const std::lock_guard lock(mutex_);
  if (before && before->serviceOwner) ipObjects_.erase(before);
  if (after && after->serviceOwner) ipObjects_.insert(after);
}

std::vector<kube::ObjectKey> IpObjectIndex::ipObjectsOf(const kube::ObjectKey& service) const {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = ipObjects_.equal_range(service);
  std::vector<kube::ObjectKey> keys;
  for (auto it = first; it != last; ++it) keys.push_back((*it)->key);
  return keys;
}

bool IpObjectIndex::ByService::operator()(const Ptr& a, const Ptr& b) const {
  return std::tie(a->key.ns, a->serviceOwner->name, a->key.name) <
         std::tie(b->key.ns, b->serviceOwner->name, b->key.name);
}

bool IpObjectIndex::ByService::operator()(const Ptr& ipObject,
                                          const kube::ObjectKey& service) const {
  return std::tie(ipObject->key.ns, ipObject->serviceOwner->name) <
         std::tie(service.ns, service.name);
}

bool IpObjectIndex::ByService::operator()(const kube::ObjectKey& service,
                                          const Ptr& ipObject) const {
  return std::tie(service.ns, service.name) <
         std::tie(ipObject->key.ns, ipObject->serviceOwner->name);
}

}  // namespace barevip::assigner
