// SPDX-License-Identifier: Apache-2.0
#include "assigner/adoption.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "assigner/request.h"
#include "assigner/take_up.h"

namespace barevip::assigner {
namespace {

using Found = std::vector<std::pair<IpAddress, std::string>>;  // with the name of its Pool

std::optional<Found> adoptable(const Allocator& allocator, const model::Service& service) {
  Found found;
  for (const model::LoadBalancerIngress& entry : service.ingress) {
    const auto address = IpAddress::parse(entry.ip);
    if (!address) return std::nullopt;
    const bool second = std::any_of(found.begin(), found.end(), [&](const auto& other) {
      return other.first.family() == address->family();
    });
    const PoolState* const pool = allocator.pools().having(*address);
    if (second || pool == nullptr) return std::nullopt;
    found.emplace_back(*address, pool->plan.name);
  }
  return found;
}

}  // namespace

bool adopt(Allocator& allocator, const model::Service& service) {
  const auto found = adoptable(allocator, service);
  if (!found) return false;
  for (const auto& [address, pool] : *found) {
    const Sharer sharer{service.key, termsOf(service), pool};
    if (allocator.takeUp(sharer, address, Allocator::Proof::kNone)) continue;
    allocator.releaseAll(service.key);
    allocator.setForeign(service.key, shownBy(service));
    return false;
  }
  // What it shows was held for it as somebody else's gift so far.
  allocator.setForeign(service.key, {});
  return true;
}

kube::Event adoptedEvent(const model::Service& service) {
  std::string addresses;
  for (const IpAddress& address : shownBy(service)) {
    addresses += (addresses.empty() ? "" : ", ") + address.toString();
  }
  return {kube::kServices,
          service.key,
          service.uid,
          kube::Event::Type::kNormal,
          "Adopted",
          "Assign",
          "took over " + addresses + ", which the Service showed already"};
}

}  // namespace barevip::assigner
