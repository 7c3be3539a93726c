// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/cluster/ip_index.h"

#include <algorithm>
#include <iterator>

namespace barevip::node {
namespace {

bool recordsFor(const model::IpObject& ipObject, const model::Service& service) {
  if (ipObject.key.ns != service.key.ns) return false;
  // An earlier Service of the same name is another one.
  if (ipObject.serviceOwner) return ipObject.serviceOwner->uid == service.uid;
  const auto& names = ipObject.status.services;
  return std::find(names.begin(), names.end(), service.key.name) != names.end();
}

std::optional<IpAddress> recordedBy(const model::IpObject& ipObject) {
  if (!isBound(ipObject)) return std::nullopt;
  const auto address = IpAddress::parse(ipObject.status.address);
  return address ? std::optional(*address) : std::nullopt;
}

bool earlier(const IpIndex::IpObjectPtr& a, const IpIndex::IpObjectPtr& b) {
  return a->key < b->key;
}

}  // namespace

bool isBound(const model::IpObject& ipObject) { return ipObject.status.phase == "Bound"; }

bool concerns(const model::IpObject& ipObject, const std::string& node) {
  return isBound(ipObject) || ipObject.status.node == node;
}

IpIndex::IpIndex(const std::vector<IpObjectPtr>& ipObjects) {
  for (const IpObjectPtr& ipObject : ipObjects) add(ipObject);
}

std::optional<IpAddress> IpIndex::add(const IpObjectPtr& ipObject) {
  const auto address = recordedBy(*ipObject);
  if (!address) return std::nullopt;
  std::vector<IpObjectPtr>& all = byAddress_[*address];
  all.insert(std::upper_bound(all.begin(), all.end(), ipObject, earlier), ipObject);
  return address;
}

std::optional<IpAddress> IpIndex::remove(const IpObjectPtr& ipObject) {
  const auto address = recordedBy(*ipObject);
  const auto there = address ? byAddress_.find(*address) : byAddress_.end();
  if (there == byAddress_.end()) return std::nullopt;
  std::erase(there->second, ipObject);
  if (there->second.empty()) byAddress_.erase(there);
  return address;
}

std::vector<IpIndex::IpObjectPtr> IpIndex::of(const model::Service& service,
                                              const IpAddress& address) const {
  std::vector<IpObjectPtr> result;
  const auto there = byAddress_.find(address);
  if (there == byAddress_.end()) return result;
  std::copy_if(there->second.begin(), there->second.end(), std::back_inserter(result),
               [&](const IpObjectPtr& ipObject) { return recordsFor(*ipObject, service); });
  return result;
}

bool IpIndex::grant(const model::Service& service, const ipvs::VirtualServerKey& port) const {
  const std::string text =
      std::to_string(port.port) + "/" + std::string(model::toString(port.protocol));
  const auto ipObjects = of(service, port.vip);
  return std::any_of(ipObjects.begin(), ipObjects.end(), [&](const IpObjectPtr& ipObject) {
    const auto& ports = ipObject->status.ports;
    return std::find(ports.begin(), ports.end(), text) != ports.end();
  });
}

}  // namespace barevip::node
