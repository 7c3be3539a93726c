// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/choice.h"

#include <algorithm>
#include <map>
#include <utility>

#include "assigner/allocation/candidates.h"

namespace barevip::assigner {
namespace {

// Who has an address is told within a namespace, and not to others.
Refusal heldBy(const IpAddress& address, const Allocation& allocation, const std::string& ns) {
  std::string message = address.toString() + " is allocated to " + allocation.toStringFor(ns);
  if (allocation.kind == Consumer::Kind::kResting) {
    message =
        address.toString() + " was released a moment ago, and " +
        (allocation.promise ? "goes first to who waits for it longest"
                            : "is kept for the namespace that had it: see reuseDelay of its Pool");
  }
  if (allocation.kind == Consumer::Kind::kReservation && allocation.owner.ns == ns) {
    message += allocation.users.empty()
                   ? ": use it by the annotation barevip.dev/ip: " + allocation.owner.name
                   : ", which " + namesOf(allocation.users) + " uses";
  }
  Refusal refusal{RefusalReason::kAddressHeld, std::move(message), {}};
  refusal.obstacle.addresses = {address};
  return refusal;
}

// nullptr: who asks may have it. What rests for him is as good as free.
const Allocation* allocationOfOthers(const AllocationTable& allocations, const IpAddress& address,
                                     const Consumer& asking) {
  const Allocation* const allocation = allocations.find(address);
  return allocation != nullptr && allocation->isFreeFor(asking) ? nullptr : allocation;
}

// The address must be held.
Assignment assignmentOf(const PoolTable& pools, const AllocationTable& allocations,
                        const IpAddress& address, const kube::ObjectKey& service) {
  const Allocation& allocation = *allocations.find(address);
  const bool reserved = allocation.kind == Consumer::Kind::kReservation;
  const ServiceConsumer* const user = allocation.user(service);
  return {address, pools.home(address, allocation.sourcePool()),
          user == nullptr ? allocation.sourcePool() : user->sourcePool,
          reserved ? allocation.owner.name : "", user == nullptr ? "" : user->terms.key};
}

// The choice that changes nothing: what the Service has, families in the order given, others last.
Choice keepAll(const PoolTable& pools, const AllocationTable& allocations,
               const kube::ObjectKey& service, const std::vector<Family>& families,
               const std::vector<IpAddress>& shown, Refusal refusal) {
  Choice choice;
  choice.refusal = std::move(refusal);
  const auto rank = [&](const IpAddress& each) {
    return std::find(families.begin(), families.end(), each.family()) - families.begin();
  };
  const auto isHidden = [&](const IpAddress& each) {
    return std::find(shown.begin(), shown.end(), each) == shown.end();
  };
  std::vector<IpAddress> mine = allocations.ofService(service);
  std::stable_sort(mine.begin(), mine.end(), [&](const IpAddress& a, const IpAddress& b) {
    return std::pair(rank(a), isHidden(a)) < std::pair(rank(b), isHidden(b));
  });
  for (const IpAddress& address : mine) {
    const bool second = std::any_of(
        choice.addresses.begin(), choice.addresses.end(),
        [&](const Assignment& first) { return first.address.family() == address.family(); });
    if (second) {
      choice.surplus.push_back(address);
    } else {
      choice.addresses.push_back(assignmentOf(pools, allocations, address, service));
    }
  }
  return choice;
}

// What it has already stays on the old terms, if the new ones do not fit.
void settleTerms(const AllocationTable& allocations, const ServiceConsumer& service,
                 Choice& choice) {
  for (Assignment& assignment : choice.addresses) {
    const Allocation* const allocation = allocations.find(assignment.address);
    const SharingTerms* const before =
        allocation == nullptr ? nullptr : allocation->termsOf(service.service);
    if (before != nullptr) {
      if (*before == service.terms) continue;
      if (!agreeOnKey(service.service, service.terms.key, allocation->users) ||
          clash(service.service, service.terms, allocation->users)) {
        continue;
      }
      assignment.termsChanged = true;
    }
    assignment.shareKey = service.terms.key;
  }
}

// One run of choose().
class Search {
 public:
  Search(const PoolTable& pools, const AllocationTable& allocations, const Request& request)
      : pools_(pools),
        allocations_(allocations),
        request_(request),
        asking_{Consumer::Kind::kService, request.service} {}

  Choice run() {
    if (const auto refusal = byName()) return unchanged(*refusal);
    if (const auto refusal = byNumber()) return unchanged(*refusal);
    if (const auto refusal = keepWhatFits()) return unchanged(*refusal);
    std::optional<Refusal> missing = automatically();
    if (missing && (request_.allFamilies || chosen_.empty())) return unchanged(*missing);
    Choice choice;
    choice.addresses = inOrder();
    choice.incomplete = std::move(missing);
    for (const IpAddress& address : allocations_.ofService(request_.service)) {
      const auto it = chosen_.find(address.family());
      if (it == chosen_.end() || it->second.address != address) choice.surplus.push_back(address);
    }
    return choice;
  }

 private:
  [[nodiscard]] Assignment held(const IpAddress& address) const {
    return assignmentOf(pools_, allocations_, address, request_.service);
  }

  // Whatever is refused here may be given when one of the IP objects holds another address.
  std::optional<Refusal> byName() {
    std::vector<kube::ObjectKey> ipObjects;
    for (const std::string& name : request_.ipObjects) {
      ipObjects.push_back({request_.service.ns, name});
    }
    for (const kube::ObjectKey& ipObject : ipObjects) {
      auto refusal = reservedBy(ipObject);
      if (!refusal) continue;
      refusal->obstacle.ipObjects = std::move(ipObjects);
      return refusal;
    }
    return std::nullopt;
  }

  std::optional<Refusal> reservedBy(const kube::ObjectKey& ipObject) {
    const auto address = allocations_.ofReservation(ipObject);
    if (!address || !mayUse(*allocations_.find(*address))) {
      return Refusal{RefusalReason::kReservationMissing,
                     "IP " + ipObject.toString() +
                         ", requested by the annotation barevip.dev/ip, does not exist, "
                         "has no address yet (see its status), or belongs to another Service"};
    }
    const auto& families = request_.families;
    const Family family = address->family();
    if (std::find(families.begin(), families.end(), family) == families.end()) {
      return Refusal{RefusalReason::kFamilyMissing,
                     "IP " + ipObject.toString() + " has the address " + address->toString() +
                         ", but the Service has no " + std::string(toString(family)) +
                         ": see its spec.ipFamilies"};
    }
    if (chosen_.contains(family)) {
      return Refusal{RefusalReason::kBadRequest,
                     "the two requested IP objects have addresses of one family: a "
                     "Service has one address of each family"};
    }
    const Allocation& allocation = *allocations_.find(*address);
    if (auto refusal = refusalToShare(*address, allocation)) return refusal;
    if (auto refusal = refusalToUse(*address, allocation)) return refusal;
    chosen_.emplace(family, held(*address));
    order_.push_back(family);
    return std::nullopt;
  }

  // Whoever leads next finds its use only if it finds the reservation.
  [[nodiscard]] bool mayUse(const Allocation& reservation) const {
    return reservation.recorded || reservation.termsOf(request_.service) != nullptr;
  }

  // The reservation was admitted for its namespace; the Pool may also look at the Service's labels.
  [[nodiscard]] std::optional<Refusal> refusalToUse(const IpAddress& address,
                                                    const Allocation& allocation) const {
    if (allocation.termsOf(request_.service) != nullptr) return std::nullopt;
    const PoolState* const pool = pools_.find(pools_.home(address, allocation.sourcePool()));
    return pool == nullptr ? std::nullopt : admissionRefusal(*pool, request_.requester);
  }

  std::optional<Refusal> byNumber() {
    for (const IpAddress& address : request_.addresses) {
      const Allocation* const allocation = allocationOfOthers(allocations_, address, asking_);
      const bool mine = allocation != nullptr && allocation->termsOf(request_.service) != nullptr;
      if (allocation != nullptr) {
        if (!mine && allocation->kind != Consumer::Kind::kService) {
          return heldBy(address, *allocation, request_.service.ns);
        }
        if (const auto refusal = refusalToShare(address, *allocation)) return refusal;
      }
      if (mine) {
        chosen_.emplace(address.family(), held(address));
      } else {
        const auto pool = poolOf(pools_, request_.requester, address, request_.pool);
        if (!pool) return pool.error();
        if (allocation == nullptr || !allocation->isOf(request_.service.ns)) {
          if (auto refusal = limitOf(**pool, address.family())) return refusal;
        }
        chosen_.emplace(address.family(), given(address, **pool));
      }
      order_.push_back(address.family());
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Refusal> limitOf(const PoolState& pool, Family family) const {
    return limitRefusal(pools_, allocations_, pool, asking_, family);
  }

  [[nodiscard]] Assignment given(const IpAddress& address, const PoolState& pool) const {
    return {address, pool.plan.name, pool.plan.name, {}, request_.terms.key};
  }

  // Why the Service cannot have the address, on the terms that it asks for, beside the others that
  // have it. Nobody else has it: no reason.
  [[nodiscard]] std::optional<Refusal> refusalToShare(const IpAddress& address,
                                                      const Allocation& allocation) const {
    const kube::ObjectKey& self = request_.service;
    if (!hasOthers(self, allocation.users)) return std::nullopt;
    const bool joins = allocation.termsOf(self) == nullptr;
    const bool reserved = allocation.kind == Consumer::Kind::kReservation;
    const std::string& key = request_.terms.key;
    if (!agreeOnKey(self, key, allocation.users) ||
        (joins && reserved && allocation.shareKey != key)) {
      return notSharedUnder(key, address, allocation);
    }
    std::optional<std::string> why;
    if (joins) why = refusalToJoin(pools_, address, allocation, self);
    if (!why) why = clash(self, request_.terms, allocation.users);
    if (!why) return std::nullopt;
    return Refusal{RefusalReason::kShareRefused,
                   address.toString() + " cannot be shared " + *std::move(why),
                   {.addresses = {address}}};
  }

  // Says nothing about the keys of others.
  [[nodiscard]] Refusal notSharedUnder(const std::string& key, const IpAddress& address,
                                       const Allocation& allocation) const {
    std::string message = allocation.kind == Consumer::Kind::kReservation
                              ? "IP " + allocation.owner.toString() + " is used by "
                              : address.toString() + " is allocated to ";
    message += namesFor(request_.service, allocation.users);
    if (allocation.termsOf(request_.service) != nullptr) {
      message += " under the share key that this Service had";
    } else if (allocation.kind == Consumer::Kind::kReservation && !key.empty()) {
      message += ", and not for sharing under the key " + quoted(key) + ": see its spec.shareKey";
    }
    return {RefusalReason::kAddressHeld, std::move(message), {.addresses = {address}}};
  }

  // An address that the Service has stays, unless it asks for another Pool, or for another share
  // key than the others there have. Who got what it asked for asks for nothing else when the Pool
  // is split: the Pool that the address came from counts as well as the one that has it now. Of
  // several of one family the one that it shows stays, else the lowest. Returns why it cannot stay
  // on the terms that are asked for.
  std::optional<Refusal> keepWhatFits() {
    for (const Family family : request_.families) {
      if (chosen_.contains(family)) continue;
      std::optional<Assignment> best;
      bool bestShown = false;
      for (const IpAddress& address : allocations_.ofService(request_.service)) {
        if (address.family() != family) continue;
        Assignment mine = held(address);
        if (!mine.reservation.empty()) continue;  // used as long as it is asked for by name
        const Allocation& allocation = *allocations_.find(address);
        const std::string& pool = request_.pool;
        if (!pool.empty() && mine.pool != pool && mine.sourcePool != pool) continue;
        if (!agreeOnKey(request_.service, request_.terms.key, allocation.users)) continue;
        const auto& shown = request_.shown;
        const bool isShown = std::find(shown.begin(), shown.end(), address) != shown.end();
        if (best && (bestShown || !isShown)) continue;
        best = std::move(mine);
        bestShown = isShown;
      }
      if (!best) continue;
      if (auto refusal = refusalToShare(best->address, *allocations_.find(best->address)))
        return refusal;
      chosen_.emplace(family, std::move(*best));
    }
    return std::nullopt;
  }

  // Fills the families that are still empty. Returns why one stays empty.
  std::optional<Refusal> automatically() {
    std::vector<Family> open;
    for (const Family family : request_.families) {
      if (!chosen_.contains(family)) open.push_back(family);
    }
    if (open.empty()) return std::nullopt;
    auto candidates = candidatesFor(pools_, request_.requester, request_.pool);
    if (!candidates) return candidates.error();
    std::map<Family, Refusal> refused;
    std::erase_if(open,
                  [&](Family family) { return joinOthers(*candidates, family, refused[family]); });
    preferOnePool(*candidates, open);
    std::optional<Refusal> missing;
    for (const Family family : open) {
      auto lowest = freeAddressFor(pools_, allocations_, *candidates, asking_, family);
      if (lowest) {
        chosen_.emplace(family, given(lowest->address, *lowest->pool));
        continue;
      }
      Refusal& refusal = lowest.error();
      Refusal& toShare = refused[family];
      if (!toShare.message.empty()) refusal.message += "; " + toShare.message;
      refusal.obstacle.add(std::move(toShare.obstacle));
      if (missing) {
        missing->obstacle.add(std::move(refusal.obstacle));
      } else {
        missing = std::move(refusal);
      }
    }
    return missing;
  }

  // Takes the lowest address that Services with the same share key have and that has room for this
  // one. If there are such addresses and none has, `refused` is why the first has not.
  bool joinOthers(const Candidates& candidates, Family family, Refusal& refused) {
    const std::string& key = request_.terms.key;
    if (key.empty()) return false;
    for (const PoolState* const pool : candidates) {
      const bool anyone = pool->plan.allowSharing == model::AllowSharing::kCluster;
      for (const IpAddress& address :
           allocations_.ofShareKey(key, anyone ? "" : request_.service.ns)) {
        if (address.family() != family || !pool->space.offers(address)) continue;
        const Allocation& allocation = *allocations_.find(address);
        if (pools_.home(address, allocation.sourcePool()) != pool->plan.name) continue;
        if (allocation.termsOf(request_.service) != nullptr) continue;  // it is to be left
        auto refusal = allocation.isOf(request_.service.ns) ? std::nullopt : limitOf(*pool, family);
        if (!refusal) refusal = refusalToShare(address, allocation);
        if (!refusal) {
          chosen_.emplace(family, given(address, *pool));
          return true;
        }
        if (refused.message.empty()) {
          refused = std::move(*refusal);
        } else {
          refused.obstacle.add(std::move(refusal->obstacle));
        }
      }
    }
    return false;
  }

  // Both addresses come from one Pool where there is one that can: it moves to the front.
  void preferOnePool(Candidates& candidates, const std::vector<Family>& open) const {
    const auto fits = [&](const PoolState* pool) {
      const bool free = std::all_of(open.begin(), open.end(), [&](Family family) {
        return lowestIn(allocations_, *pool, asking_, family) && !limitOf(*pool, family);
      });
      return free && std::all_of(chosen_.begin(), chosen_.end(), [&](const auto& each) {
               return each.second.pool == pool->plan.name;
             });
    };
    const auto best = std::find_if(candidates.begin(), candidates.end(), fits);
    if (best != candidates.end()) std::rotate(candidates.begin(), best, std::next(best));
  }

  // What is asked for by name or number in the order of asking, then the Service's own order.
  [[nodiscard]] std::vector<Assignment> inOrder() const {
    std::vector<Family> order = order_;
    for (const Family family : request_.families) {
      if (std::find(order.begin(), order.end(), family) == order.end()) order.push_back(family);
    }
    std::vector<Assignment> addresses;
    for (const Family family : order) {
      const auto it = chosen_.find(family);
      if (it != chosen_.end()) addresses.push_back(it->second);
    }
    return addresses;
  }

  [[nodiscard]] Choice unchanged(Refusal refusal) const {
    return keepAll(pools_, allocations_, request_.service, request_.families, request_.shown,
                   std::move(refusal));
  }

  const PoolTable& pools_;
  const AllocationTable& allocations_;
  const Request& request_;
  const Consumer asking_;
  std::map<Family, Assignment> chosen_;
  std::vector<Family> order_;
};

}  // namespace

Choice choose(const PoolTable& pools, const AllocationTable& allocations, const Request& request) {
  Choice choice = Search(pools, allocations, request).run();
  settleTerms(allocations, {request.service, request.terms}, choice);
  return choice;
}

Choice keep(const PoolTable& pools, const AllocationTable& allocations,
            const ServiceConsumer& service, const std::vector<IpAddress>& shown, Refusal refusal) {
  Choice choice = keepAll(pools, allocations, service.service, {}, shown, std::move(refusal));
  settleTerms(allocations, service, choice);
  return choice;
}

namespace {

Assignment reserved(const IpAddress& address, const PoolState& pool,
                    const Reservation& reservation) {
  return {address, pool.plan.name, pool.plan.name, reservation.ipObject.name, {}};
}

Consumer askingOf(const Reservation& reservation) {
  return {Consumer::Kind::kReservation, reservation.ipObject};
}

// Its status came before us: from a backup.
std::optional<Assignment> keepShown(const PoolTable& pools, const AllocationTable& allocations,
                                    const Reservation& reservation) {
  const auto& shown = reservation.shown;
  if (!shown || allocationOfOthers(allocations, *shown, askingOf(reservation)) != nullptr)
    return std::nullopt;
  if (reservation.family && *reservation.family != shown->family()) return std::nullopt;
  const auto pool = poolOf(pools, reservation.requester, *shown, reservation.pool);
  if (!pool || limitRefusal(pools, allocations, **pool, askingOf(reservation), shown->family())) {
    return std::nullopt;
  }
  return reserved(*shown, **pool, reservation);
}

}  // namespace

tl::expected<Assignment, Refusal> chooseReservation(const PoolTable& pools,
                                                    const AllocationTable& allocations,
                                                    const Reservation& reservation) {
  if (!reservation.address) {
    if (auto kept = keepShown(pools, allocations, reservation)) return *std::move(kept);
    const auto candidates = candidatesFor(pools, reservation.requester, reservation.pool);
    if (!candidates) return tl::make_unexpected(candidates.error());
    const Family family = reservation.family.value_or(Family::kIpv4);
    const auto lowest =
        freeAddressFor(pools, allocations, *candidates, askingOf(reservation), family);
    if (!lowest) return tl::make_unexpected(lowest.error());
    return reserved(lowest->address, *lowest->pool, reservation);
  }
  const IpAddress& address = *reservation.address;
  if (const Allocation* const other =
          allocationOfOthers(allocations, address, askingOf(reservation))) {
    return tl::make_unexpected(heldBy(address, *other, reservation.ipObject.ns));
  }
  const auto pool = poolOf(pools, reservation.requester, address, reservation.pool);
  if (!pool) return tl::make_unexpected(pool.error());
  auto full = limitRefusal(pools, allocations, **pool, askingOf(reservation), address.family());
  if (full) return tl::make_unexpected(*std::move(full));
  return reserved(address, **pool, reservation);
}

}  // namespace barevip::assigner
