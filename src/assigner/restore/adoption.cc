// SPDX-License-Identifier: Apache-2.0
#include "assigner/restore/adoption.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"

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
  // If it gets one of two only, what it shows stays its own and does not rest for others.
  allocator.setForeign(service.key, shownBy(service));
  for (const auto& [address, pool] : *found) {
    const ServiceConsumer consumer{service.key, termsOf(service), pool};
    if (allocator.restore(consumer, address, Allocator::Evidence::kClaimed)) continue;
    allocator.releaseAll(service.key);
    return false;
  }
  // What it shows was held for it as somebody else's gift so far.
  allocator.setForeign(service.key, {});
  return true;
}

}  // namespace barevip::assigner
