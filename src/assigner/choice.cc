// SPDX-License-Identifier: Apache-2.0
#include "assigner/choice.h"

#include <algorithm>
#include <map>
#include <utility>

namespace barevip::assigner {
namespace {

using Candidates = std::vector<const PoolState*>;
template <class T>
using Chosen = tl::expected<T, Refusal>;

constexpr std::size_t kMaxNamed = 3;  // a sentence names that many Pools

tl::unexpected<Refusal> refuse(RefusalReason reason, std::string message) {
  return tl::make_unexpected(Refusal{reason, std::move(message)});
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < kMaxNamed; ++i) {
    text += (i == 0 ? "" : "; ") + parts[i];
  }
  if (parts.size() > kMaxNamed) {
    text += "; and " + std::to_string(parts.size() - kMaxNamed) + " more";
  }
  return text;
}

std::string namesOf(const Candidates& pools) {
  std::vector<std::string> names;
  for (const PoolState* const pool : pools) names.push_back(quoted(pool->plan.name));
  return joined(names);
}

std::string notAdmitted(const PoolState& pool, const std::string& why) {
  return "Pool " + quoted(pool.plan.name) + " does not admit this: " + why;
}

Chosen<const PoolState*> poolByName(const PoolTable& pools, const std::string& name) {
  const PoolState* const pool = pools.find(name);
  if (pool == nullptr) {
    return refuse(RefusalReason::kNoPool, "the Pool " + quoted(name) +
                                              " that is asked for does not exist: create it or "
                                              "ask for another");
  }
  if (!pool->gives()) {
    return refuse(RefusalReason::kPoolNotReady,
                  "the Pool " + quoted(name) +
                      " that is asked for is not ready: " + pool->plan.fault->message);
  }
  return pool;
}

// Why automatic assignment finds no Pool at all.
Refusal noCandidate(const PoolTable& pools, const Applicant& applicant) {
  if (pools.all().empty()) {
    return {RefusalReason::kNoPool, "there is no Pool: create one with addresses that you own"};
  }
  std::vector<std::string> refusals;
  std::vector<std::string> faults;
  for (const PoolState& pool : pools.all()) {
    const std::string name = "Pool " + quoted(pool.plan.name);
    if (!pool.gives()) {
      faults.push_back(name + ": " + pool.plan.fault->message);
    } else if (const auto why = pool.plan.admission.refusal(applicant)) {
      refusals.push_back(name + ": " + *why);
    } else {
      refusals.push_back(name +
                         ": it gives on request only (autoAssign is false): set annotation "
                         "barevip.dev/pool");
    }
  }
  if (refusals.empty()) {
    return {RefusalReason::kPoolNotReady, "no Pool is ready: " + joined(faults)};
  }
  return {RefusalReason::kNoPoolAdmits, "no Pool admits this: " + joined(refusals)};
}

// The Pools that may give an address without being asked for it by number, in order.
Chosen<Candidates> candidatesFor(const PoolTable& pools, const Applicant& applicant,
                                 const std::string& poolName) {
  if (!poolName.empty()) {
    const auto pool = poolByName(pools, poolName);
    if (!pool) return tl::make_unexpected(pool.error());
    if (const auto why = (*pool)->plan.admission.refusal(applicant)) {
      return refuse(RefusalReason::kNoPoolAdmits, notAdmitted(**pool, *why));
    }
    return Candidates{*pool};
  }
  Candidates found;
  for (const PoolState& pool : pools.all()) {
    if (pool.gives() && pool.plan.autoAssign && !pool.plan.admission.refusal(applicant)) {
      found.push_back(&pool);
    }
  }
  if (found.empty()) return tl::make_unexpected(noCandidate(pools, applicant));
  return found;
}

Chosen<Assignment> lowestOf(const Candidates& candidates, Family family) {
  Candidates having;
  for (const PoolState* const pool : candidates) {
    if (const auto address = pool->space.lowestFree(family)) {
      return Assignment{*address, pool->plan.name, {}};
    }
    if (pool->space.capacity(family) != 0) having.push_back(pool);
  }
  const std::string name(toString(family));
  if (having.empty()) {
    return refuse(RefusalReason::kFamilyMissing,
                  "no Pool that admits this has " + name + " addresses: " + namesOf(candidates));
  }
  return refuse(RefusalReason::kPoolExhausted,
                "all " + name + " addresses are held of Pool " + namesOf(having));
}

std::string avoidedBecause(const PoolState& pool, const IpAddress& address) {
  const auto octet = static_cast<unsigned>(address.number()) & 0xffU;
  const bool buggy = octet == 0 || octet == 255;
  return address.toString() + " is left out by Pool " + quoted(pool.plan.name) + ": " +
         (buggy ? "avoidBuggyIPs" : "avoidGatewayIPs") + " is set";
}

// The Pool that may give this address on request.
Chosen<const PoolState*> poolOf(const PoolTable& pools, const Applicant& applicant,
                                const IpAddress& address, const std::string& poolName) {
  const PoolState* pool = pools.having(address);
  if (!poolName.empty()) {
    const auto named = poolByName(pools, poolName);
    if (!named) return named;
    pool = (*named)->space.addresses().contains(address) ? *named : nullptr;
  }
  if (pool == nullptr) {
    const std::string where =
        poolName.empty() ? "no Pool that is ready" : "Pool " + quoted(poolName);
    return refuse(RefusalReason::kAddressNotInPool,
                  where + " has the address " + address.toString() + " that is asked for");
  }
  if (pool->space.avoids(address)) {
    return refuse(RefusalReason::kAddressNotInPool, avoidedBecause(*pool, address));
  }
  if (const auto why = pool->plan.admission.refusal(applicant)) {
    return refuse(RefusalReason::kNoPoolAdmits, notAdmitted(*pool, *why));
  }
  return pool;
}

Refusal heldBy(const IpAddress& address, const Hold& hold, const std::string& ns) {
  std::string message = address.toString() + " is held by " + hold.holder.toString();
  if (hold.holder.kind == Holder::Kind::kReservation && hold.holder.key.ns == ns) {
    message += hold.user ? ", which Service " + hold.user->toString() + " uses"
                         : ": use it by the annotation barevip.dev/ip: " + hold.holder.key.name;
  }
  return {RefusalReason::kAddressHeld, std::move(message)};
}

// The address must be held.
Assignment assignmentOf(const PoolTable& pools, const HoldTable& holds, const IpAddress& address) {
  const Hold& hold = *holds.find(address);
  const bool reserved = hold.holder.kind == Holder::Kind::kReservation;
  return {address, pools.home(address, hold.pool), reserved ? hold.holder.key.name : ""};
}

// One run of choose().
class Search {
 public:
  Search(const PoolTable& pools, const HoldTable& holds, const Request& request)
      : pools_(pools), holds_(holds), request_(request) {}

  Choice run() {
    if (const auto refusal = byName()) return unchanged(*refusal);
    if (const auto refusal = byNumber()) return unchanged(*refusal);
    keepWhatFits();
    std::optional<Refusal> missing = automatically();
    if (missing && (request_.allFamilies || chosen_.empty())) return unchanged(*missing);
    Choice choice;
    choice.addresses = inOrder();
    choice.incomplete = std::move(missing);
    for (const IpAddress& address : holds_.ofService(request_.service)) {
      const auto it = chosen_.find(address.family());
      if (it == chosen_.end() || it->second.address != address) choice.surplus.push_back(address);
    }
    return choice;
  }

 private:
  [[nodiscard]] Assignment held(const IpAddress& address) const {
    return assignmentOf(pools_, holds_, address);
  }

  [[nodiscard]] bool holdsAlready(const IpAddress& address) const {
    const auto& mine = holds_.ofService(request_.service);
    return std::find(mine.begin(), mine.end(), address) != mine.end();
  }

  std::optional<Refusal> byName() {
    for (const std::string& name : request_.claims) {
      const kube::ObjectKey claim{request_.service.ns, name};
      const auto address = holds_.ofReservation(claim);
      if (!address) {
        return Refusal{RefusalReason::kReservationMissing,
                       "IP " + claim.toString() +
                           " that is asked for does not exist or holds no address: its own status "
                           "tells more"};
      }
      const auto& families = request_.families;
      const Family family = address->family();
      if (std::find(families.begin(), families.end(), family) == families.end()) {
        return Refusal{RefusalReason::kFamilyMissing,
                       "IP " + claim.toString() + " holds " + address->toString() +
                           ", but the Service has no " + std::string(toString(family)) +
                           ": see its spec.ipFamilies"};
      }
      if (chosen_.contains(family)) {
        return Refusal{RefusalReason::kBadRequest,
                       "the two IP objects that are asked for hold addresses of one family: a "
                       "Service has one address of each family"};
      }
      const Hold& hold = *holds_.find(*address);
      if (hold.user && *hold.user != request_.service) {
        return Refusal{RefusalReason::kAddressHeld,
                       "IP " + claim.toString() + " is used by Service " + hold.user->toString()};
      }
      if (const auto refusal = refusalToUse(*address, hold)) return refusal;
      chosen_.emplace(family, held(*address));
      order_.push_back(family);
    }
    return std::nullopt;
  }

  // The reservation was admitted for its namespace; the Pool may also look at the Service's labels.
  [[nodiscard]] std::optional<Refusal> refusalToUse(const IpAddress& address,
                                                    const Hold& hold) const {
    if (hold.user) return std::nullopt;
    const PoolState* const pool = pools_.find(pools_.home(address, hold.pool));
    if (pool == nullptr) return std::nullopt;
    const auto why = pool->plan.admission.refusal(request_.applicant);
    if (!why) return std::nullopt;
    return Refusal{RefusalReason::kNoPoolAdmits, notAdmitted(*pool, *why)};
  }

  std::optional<Refusal> byNumber() {
    for (const IpAddress& address : request_.addresses) {
      if (holdsAlready(address)) {
        chosen_.emplace(address.family(), held(address));
      } else if (const Hold* const other = holds_.find(address)) {
        return heldBy(address, *other, request_.service.ns);
      } else {
        const auto pool = poolOf(pools_, request_.applicant, address, request_.pool);
        if (!pool) return pool.error();
        chosen_.emplace(address.family(), Assignment{address, (*pool)->plan.name, {}});
      }
      order_.push_back(address.family());
    }
    return std::nullopt;
  }

  // An address that the Service has stays, unless it asks for another Pool. Of several of one
  // family the one that it shows stays, else the lowest.
  void keepWhatFits() {
    for (const Family family : request_.families) {
      if (chosen_.contains(family)) continue;
      std::optional<Assignment> best;
      bool bestShown = false;
      for (const IpAddress& address : holds_.ofService(request_.service)) {
        if (address.family() != family) continue;
        Assignment mine = held(address);
        if (!mine.reservation.empty()) continue;  // used as long as it is asked for by name
        if (!request_.pool.empty() && mine.pool != request_.pool) continue;
        const auto& shown = request_.shown;
        const bool isShown = std::find(shown.begin(), shown.end(), address) != shown.end();
        if (best && (bestShown || !isShown)) continue;
        best = std::move(mine);
        bestShown = isShown;
      }
      if (best) chosen_.emplace(family, std::move(*best));
    }
  }

  // Fills the families that are still empty. Returns why one stays empty.
  std::optional<Refusal> automatically() {
    std::vector<Family> open;
    for (const Family family : request_.families) {
      if (!chosen_.contains(family)) open.push_back(family);
    }
    if (open.empty()) return std::nullopt;
    auto candidates = candidatesFor(pools_, request_.applicant, request_.pool);
    if (!candidates) return candidates.error();
    preferOnePool(*candidates, open);
    std::optional<Refusal> missing;
    for (const Family family : open) {
      auto assignment = lowestOf(*candidates, family);
      if (assignment) {
        chosen_.emplace(family, std::move(*assignment));
      } else if (!missing) {
        missing = std::move(assignment.error());
      }
    }
    return missing;
  }

  // Both addresses come from one Pool where there is one that can: it moves to the front.
  void preferOnePool(Candidates& candidates, const std::vector<Family>& open) const {
    const auto fits = [&](const PoolState* pool) {
      const bool free = std::all_of(open.begin(), open.end(), [&](Family family) {
        return pool->space.lowestFree(family).has_value();
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
    return keepAll(pools_, holds_, request_.service, request_.families, std::move(refusal));
  }

  const PoolTable& pools_;
  const HoldTable& holds_;
  const Request& request_;
  std::map<Family, Assignment> chosen_;
  std::vector<Family> order_;
};

}  // namespace

std::string_view nameOf(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kBadRequest:
      return "BadRequest";
    case RefusalReason::kNoPool:
      return "NoPool";
    case RefusalReason::kPoolNotReady:
      return "PoolNotReady";
    case RefusalReason::kNoPoolAdmits:
      return "NoPoolAdmits";
    case RefusalReason::kFamilyMissing:
      return "FamilyMissing";
    case RefusalReason::kPoolExhausted:
      return "PoolExhausted";
    case RefusalReason::kAddressHeld:
      return "AddressHeld";
    case RefusalReason::kAddressNotInPool:
      return "AddressNotInPool";
    case RefusalReason::kReservationMissing:
      return "ReservationMissing";
  }
  return "BadRequest";
}

Choice choose(const PoolTable& pools, const HoldTable& holds, const Request& request) {
  return Search(pools, holds, request).run();
}

Choice keepAll(const PoolTable& pools, const HoldTable& holds, const kube::ObjectKey& service,
               const std::vector<Family>& families, Refusal refusal) {
  Choice choice;
  choice.refusal = std::move(refusal);
  std::vector<IpAddress> mine = holds.ofService(service);
  std::stable_sort(mine.begin(), mine.end(), [&](const IpAddress& a, const IpAddress& b) {
    const auto rank = [&](const IpAddress& each) {
      return std::find(families.begin(), families.end(), each.family()) - families.begin();
    };
    return rank(a) < rank(b);
  });
  for (const IpAddress& address : mine) {
    choice.addresses.push_back(assignmentOf(pools, holds, address));
  }
  return choice;
}

tl::expected<Assignment, Refusal> chooseReservation(const PoolTable& pools, const HoldTable& holds,
                                                    const Reservation& reservation) {
  if (!reservation.address) {
    auto candidates = candidatesFor(pools, reservation.applicant, reservation.pool);
    if (!candidates) return tl::make_unexpected(std::move(candidates.error()));
    return lowestOf(*candidates, reservation.family.value_or(Family::kIpv4));
  }
  const IpAddress& address = *reservation.address;
  if (const Hold* const other = holds.find(address)) {
    return tl::make_unexpected(heldBy(address, *other, reservation.claim.ns));
  }
  const auto pool = poolOf(pools, reservation.applicant, address, reservation.pool);
  if (!pool) return tl::make_unexpected(pool.error());
  return Assignment{address, (*pool)->plan.name, {}};
}

}  // namespace barevip::assigner
