// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/cluster/bound_claims.h"

#include <algorithm>
#include <iterator>

namespace barevip::node {
namespace {

bool recordsFor(const model::IpClaim& claim, const model::Service& service) {
  if (claim.key.ns != service.key.ns) return false;
  // An earlier Service of the same name is another one.
  if (claim.serviceOwner) return claim.serviceOwner->uid == service.uid;
  const auto& names = claim.status.services;
  return std::find(names.begin(), names.end(), service.key.name) != names.end();
}

std::optional<IpAddress> recordedBy(const model::IpClaim& claim) {
  if (!isBound(claim)) return std::nullopt;
  const auto address = IpAddress::parse(claim.status.address);
  return address ? std::optional(*address) : std::nullopt;
}

bool earlier(const BoundClaims::ClaimPtr& a, const BoundClaims::ClaimPtr& b) {
  return a->key < b->key;
}

}  // namespace

bool isBound(const model::IpClaim& claim) { return claim.status.phase == "Bound"; }

bool concerns(const model::IpClaim& claim, const std::string& node) {
  return isBound(claim) || claim.status.node == node;
}

BoundClaims::BoundClaims(const std::vector<ClaimPtr>& claims) {
  for (const ClaimPtr& claim : claims) add(claim);
}

std::optional<IpAddress> BoundClaims::add(const ClaimPtr& claim) {
  const auto address = recordedBy(*claim);
  if (!address) return std::nullopt;
  std::vector<ClaimPtr>& all = byAddress_[*address];
  all.insert(std::upper_bound(all.begin(), all.end(), claim, earlier), claim);
  return address;
}

std::optional<IpAddress> BoundClaims::remove(const ClaimPtr& claim) {
  const auto address = recordedBy(*claim);
  const auto there = address ? byAddress_.find(*address) : byAddress_.end();
  if (there == byAddress_.end()) return std::nullopt;
  std::erase(there->second, claim);
  if (there->second.empty()) byAddress_.erase(there);
  return address;
}

std::vector<BoundClaims::ClaimPtr> BoundClaims::of(const model::Service& service,
                                                   const IpAddress& address) const {
  std::vector<ClaimPtr> result;
  const auto there = byAddress_.find(address);
  if (there == byAddress_.end()) return result;
  std::copy_if(there->second.begin(), there->second.end(), std::back_inserter(result),
               [&](const ClaimPtr& claim) { return recordsFor(*claim, service); });
  return result;
}

bool BoundClaims::grant(const model::Service& service, const ipvs::VirtualServerKey& port) const {
  const std::string text =
      std::to_string(port.port) + "/" + std::string(model::toString(port.protocol));
  const auto claims = of(service, port.vip);
  return std::any_of(claims.begin(), claims.end(), [&](const ClaimPtr& claim) {
    const auto& ports = claim->status.ports;
    return std::find(ports.begin(), ports.end(), text) != ports.end();
  });
}

}  // namespace barevip::node
