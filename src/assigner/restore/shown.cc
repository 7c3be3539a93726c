// SPDX-License-Identifier: Apache-2.0
#include "assigner/restore/shown.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "assigner/allocation/candidates.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"
#include "assigner/restore/adoption.h"

namespace barevip::assigner {
namespace {

bool hasNothing(const Allocator& allocator, const model::Service& service) {
  return allocator.allocations().ofService(service.key).empty();
}

ForeignChange changeFrom(const std::vector<IpAddress>& before, const std::vector<IpAddress>& now,
                         const std::vector<IpAddress>& shown) {
  ForeignChange change;
  change.any = before != now;
  std::copy_if(before.begin(), before.end(), std::back_inserter(change.released),
               [&](const IpAddress& address) {
                 return std::find(shown.begin(), shown.end(), address) == shown.end();
               });
  return change;
}

// A status that appears while we lead, and that we did not write: restored from a backup, or
// written by a patch of an earlier leader that came late.
struct Restored {
  std::vector<IpAddress> addresses;
  std::string pool;               ///< that the Service asks for; empty: any
  std::set<Family> settled = {};  ///< it has and shows an address of these
};

Restored restoredBy(const Allocator& allocator, const model::Service& service, bool seenLate) {
  if (hasNothing(allocator, service)) return {givenBy(service), ""};
  // A restore is two requests: what the Service was given between them makes way for its status,
  // unless it asks for something. A hand edit of the ingress alone is not a restore.
  const auto request = requestOf(service, nullptr);
  const bool asks = !request || !request->addresses.empty() || !request->ipObjects.empty();
  if (seenLate || asks) return {};
  Restored restored{namedBy(service), request->pool};
  const auto& held = allocator.allocations().ofService(service.key);
  for (const IpAddress& address : shownBy(service)) {
    const bool has = std::find(held.begin(), held.end(), address) != held.end();
    if (has) restored.settled.insert(address.family());
  }
  std::erase_if(restored.addresses, [&](const IpAddress& address) {
    return std::find(request->families.begin(), request->families.end(), address.family()) ==
           request->families.end();
  });
  return restored;
}

// The Service keeps each address that it could ask for by number; of a family the first. Returns
// whether there was one. The Pools are asked, other than at the start: nobody remembers that they
// gave it.
bool restoreGiven(Allocator& allocator, const model::Service& service, const Requester& requester,
                  bool seenLate) {
  const Restored restored = restoredBy(allocator, service, seenLate);
  const Consumer asking{Consumer::Kind::kService, service.key};
  std::set<Family> taken = restored.settled;
  for (const IpAddress& address : restored.addresses) {
    if (taken.contains(address.family())) continue;
    const auto pool = poolOf(allocator.pools(), requester, address, restored.pool);
    if (!pool) continue;
    const AllocationTable& allocations = allocator.allocations();
    const Allocation* const allocation = allocations.find(address);
    const bool has = allocation != nullptr && allocation->isOf(service.key.ns);
    const bool rests = allocation != nullptr && allocation->kind == Consumer::Kind::kResting;
    if (rests && !allocation->isFreeFor(asking)) continue;
    if (!has && limitRefusal(allocator.pools(), allocations, **pool, asking, address.family())) {
      continue;
    }
    const ServiceConsumer consumer{service.key, termsOf(service), (*pool)->plan.name};
    if (allocator.restore(consumer, address, Allocator::Evidence::kClaimed))
      taken.insert(address.family());
  }
  return taken.size() > restored.settled.size();
}

}  // namespace

ForeignChange holdForeign(Allocator& allocator, const kube::ObjectKey& service,
                          const std::vector<IpAddress>& addresses) {
  const std::vector<IpAddress> before = allocator.allocations().ofForeign(service);
  allocator.setForeign(service, addresses);
  return changeFrom(before, allocator.allocations().ofForeign(service), addresses);
}

Entered enterShown(Allocator& allocator, const model::Service& service, const Requester& requester,
                   const EnterRules& rules) {
  const AllocationTable& allocations = allocator.allocations();
  const std::vector<IpAddress> before = allocations.ofForeign(service.key);
  const std::vector<IpAddress> shown = shownBy(service);
  Entered entered;
  entered.wasForeign = !before.empty();
  entered.restored = restoreGiven(allocator, service, requester, rules.seenLate);
  const bool foreign = showsForeign(service, !hasNothing(allocator, service));
  entered.adopted = foreign && rules.adoptForeign && adopt(allocator, service);
  entered.foreign = foreign && !entered.adopted;
  allocator.setForeign(service.key, entered.foreign ? shown : shownBesides(service, allocations));
  entered.change = changeFrom(before, allocations.ofForeign(service.key), shown);
  return entered;
}

}  // namespace barevip::assigner
