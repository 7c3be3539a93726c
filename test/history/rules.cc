// SPDX-License-Identifier: Apache-2.0
#include "history/rules.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include "history/history.h"

namespace barevip::history {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool anyEntryHas(const std::vector<std::string>& entries, const IpAddress& address) {
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    const auto range = IpRange::parse(entry);
    return range && range->contains(address);
  });
}

bool anyEntryIsBad(const std::vector<std::string>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const std::string& entry) { return !IpRange::parse(entry); });
}

template <class Predicate>
bool anyAddress(const Predicate& predicate) {
  return std::any_of(allAddresses().begin(), allAddresses().end(), predicate);
}

// A Pool that would give if it were alone.
bool soundAlone(const model::Pool& pool) {
  if (pool.deleting || anyEntryIsBad(pool.addresses) || anyEntryIsBad(pool.exclude)) return false;
  const bool twice = anyAddress([&](const IpAddress& address) {
    return std::count_if(pool.addresses.begin(), pool.addresses.end(), [&](const auto& entry) {
             return IpRange::parse(entry)->contains(address);
           }) > 1;
  });
  return !twice && anyAddress([&](const IpAddress& each) { return PoolRules::covers(pool, each); });
}

bool pinned(const model::Pool& pool) {
  return !pool.namespaces.empty() || pool.namespaceSelector || pool.serviceSelector;
}

std::string annotation(const model::Service& service, const std::string& name) {
  const auto it = service.annotations.find("barevip.dev/" + name);
  return it == service.annotations.end() ? "" : it->second;
}

std::vector<Family> familiesOf(const model::Service& service) {
  if (service.ipFamilyPolicy == model::IpFamilyPolicy::kSingleStack) {
    return {service.ipFamilies.at(0)};
  }
  return service.ipFamilies;
}

// What the Service asks for by number; nullopt: something that cannot be.
std::optional<std::vector<IpAddress>> requestedAddresses(const model::Service& service) {
  std::string text = annotation(service, "address");
  if (text.empty()) text = service.loadBalancerIp;
  std::vector<IpAddress> addresses;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    const auto address = IpAddress::parse(part);
    if (!address) return std::nullopt;
    addresses.push_back(*address);
  }
  return addresses;
}

const model::IpClaim* findIp(const Cluster& cluster, const kube::ObjectKey& key) {
  const auto it = std::find_if(cluster.ips.begin(), cluster.ips.end(),
                               [&](const model::IpClaim& ip) { return ip.key == key; });
  return it == cluster.ips.end() ? nullptr : &*it;
}

}  // namespace

bool isOurs(const model::Service& service) {
  return service.type == "LoadBalancer" && (service.loadBalancerClass.empty() ||
                                            service.loadBalancerClass == "barevip.dev/barevip");
}

Addresses shownBy(const model::Service& service) {
  Addresses addresses;
  for (const model::LoadBalancerIngress& entry : service.ingress) {
    addresses.insert(IpAddress::parse(entry.ip).value());
  }
  return addresses;
}

const model::Condition* assignedCondition(const model::Service& service) {
  return model::findCondition(service.conditions, "barevip.dev/AddressAssigned");
}

bool isReservation(const model::IpClaim& ip) { return !ip.serviceOwner; }

PoolRules::PoolRules(const Cluster& cluster) : cluster_(cluster) {
  for (const model::Pool& pool : cluster.pools) order_.push_back(&pool);
  std::sort(order_.begin(), order_.end(), [](const auto* a, const auto* b) {
    return std::tie(a->creationSeconds, a->key) < std::tie(b->creationSeconds, b->key);
  });
  for (const model::Pool* const pool : order_) {  // the oldest first
    const bool overlaps =
        std::any_of(ready_.begin(), ready_.end(), [&](const model::Pool* const older) {
          return anyAddress(
              [&](const IpAddress& each) { return covers(*older, each) && covers(*pool, each); });
        });
    if (soundAlone(*pool) && !overlaps) ready_.insert(pool);
  }
  std::sort(order_.begin(), order_.end(), [](const auto* a, const auto* b) {
    return std::tuple(a->priority, !pinned(*a), a->key) <
           std::tuple(b->priority, !pinned(*b), b->key);
  });
}

const model::Pool* PoolRules::find(const std::string& name) const {
  const auto it = std::find_if(order_.begin(), order_.end(),
                               [&](const model::Pool* pool) { return pool->key.name == name; });
  return it == order_.end() ? nullptr : *it;
}

// One bad entry, and the Pool has no address at all.
bool PoolRules::covers(const model::Pool& pool, const IpAddress& address) {
  if (anyEntryIsBad(pool.addresses) || anyEntryIsBad(pool.exclude)) return false;
  return anyEntryHas(pool.addresses, address) && !anyEntryHas(pool.exclude, address);
}

bool PoolRules::offers(const model::Pool& pool, const IpAddress& address) {
  const auto octet = static_cast<unsigned>(address.number()) & 0xffU;
  if (address.isIpv4() && pool.avoidBuggyIps && (octet == 0 || octet == 255)) return false;
  if (address.isIpv4() && pool.avoidGatewayIps && (octet == 1 || octet == 254)) return false;
  return covers(pool, address);
}

bool PoolRules::admits(const model::Pool& pool, const std::string& ns,
                       const model::StringMap* labels) const {
  if (contains(pool.ignoreNamespaces, ns)) return false;
  if (!pool.namespaces.empty() || pool.namespaceSelector) {
    const bool matches = std::any_of(
        cluster_.namespaces.begin(), cluster_.namespaces.end(), [&](const model::Namespace& each) {
          return each.key.name == ns && pool.namespaceSelector &&
                 pool.namespaceSelector->matches(each.labels);
        });
    if (!matches && !contains(pool.namespaces, ns)) return false;
  }
  return labels == nullptr || !pool.serviceSelector || pool.serviceSelector->matches(*labels);
}

const model::Pool* PoolRules::having(const IpAddress& address) const {
  for (const model::Pool* const pool : order_) {
    if (ready(*pool) && covers(*pool, address)) return pool;
  }
  return nullptr;
}

std::string PoolRules::home(const IpAddress& address, const std::string& recorded) const {
  const model::Pool* const known = find(recorded);
  if (known != nullptr && covers(*known, address)) return recorded;
  const model::Pool* const now = having(address);
  return now == nullptr ? recorded : now->key.name;
}

Holdings::Holdings(const Cluster& cluster) {
  for (const model::IpClaim& ip : cluster.ips) {
    if (isReservation(ip)) {
      if (ip.status.phase != "Bound") continue;
      const IpAddress address = IpAddress::parse(ip.status.address).value();
      held_[address].reservations.insert(ip.key);
      if (ip.status.service.empty()) continue;
      const kube::ObjectKey user{ip.key.ns, ip.status.service};
      held_[address].services.insert(user);
      services_[user][address] = &ip;
    } else {
      const IpAddress address = IpAddress::parse(ip.spec.address).value();
      const kube::ObjectKey owner{ip.key.ns, ip.serviceOwner->name};
      held_[address].services.insert(owner);
      services_[owner][address] = &ip;
    }
  }
  for (const model::Service& service : cluster.services) {
    if (!isForeign(service)) continue;
    for (const IpAddress& address : shownBy(service)) held_[address].foreign.insert(service.key);
  }
}

std::map<IpAddress, const model::IpClaim*> Holdings::of(const kube::ObjectKey& service) const {
  const auto it = services_.find(service);
  return it == services_.end() ? std::map<IpAddress, const model::IpClaim*>{} : it->second;
}

bool Holdings::isForeign(const model::Service& service) const {
  if (service.ingress.empty()) return false;
  if (!isOurs(service)) return true;
  const model::Condition* const condition = assignedCondition(service);
  return of(service.key).empty() && (condition == nullptr || condition->status != "True");
}

namespace {

// One Service that is looked at.
class Case {
 public:
  Case(const PoolRules& pools, const Cluster& cluster, const model::Service& service,
       const std::map<IpAddress, const model::IpClaim*>& mine, const Addresses& taken)
      : pools_(pools), cluster_(cluster), service_(service), mine_(mine), taken_(taken) {}

  std::optional<ByFamily> answer() {
    if (!takeNamed() || !takeNumbered()) return std::nullopt;
    keep();
    const bool complete = fill();
    const bool all = service_.ipFamilyPolicy != model::IpFamilyPolicy::kPreferDualStack;
    if (!complete && (all || has_.empty())) return std::nullopt;
    return has_;
  }

 private:
  [[nodiscard]] std::string homeOf(const IpAddress& address) const {
    const model::IpClaim& ip = *mine_.at(address);
    return pools_.home(address, isReservation(ip) ? ip.status.pool : ip.spec.pool);
  }

  [[nodiscard]] bool wants(Family family) const {
    const auto families = familiesOf(service_);
    return std::find(families.begin(), families.end(), family) != families.end();
  }

  bool take(const IpAddress& address) {
    return wants(address.family()) && has_.emplace(address.family(), address).second;
  }

  [[nodiscard]] bool admittedBy(const model::Pool& pool) const {
    return pools_.admits(pool, service_.key.ns, &service_.labels);
  }

  bool takeNamed() {
    const std::string name = annotation(service_, "ip");
    if (name.empty()) return true;
    const model::IpClaim* const ip = findIp(cluster_, {service_.key.ns, name});
    if (ip == nullptr || !isReservation(*ip) || ip->status.phase != "Bound") return false;
    const IpAddress address = IpAddress::parse(ip->status.address).value();
    const std::string& user = ip->status.service;
    if (!user.empty() && user != service_.key.name) return false;
    const model::Pool* const pool = pools_.find(pools_.home(address, ip->status.pool));
    if (user.empty() && pool != nullptr && !admittedBy(*pool)) return false;
    return take(address);
  }

  bool takeNumbered() {
    const auto addresses = requestedAddresses(service_);
    if (!addresses) return false;
    const std::string name = annotation(service_, "pool");
    return std::all_of(addresses->begin(), addresses->end(), [&](const IpAddress& address) {
      if (mine_.contains(address)) return take(address);
      const model::Pool* const pool = name.empty() ? pools_.having(address) : pools_.find(name);
      return !taken_.contains(address) && pool != nullptr && pools_.ready(*pool) &&
             PoolRules::offers(*pool, address) && admittedBy(*pool) && take(address);
    });
  }

  // What it shows goes before what it has, too.
  void keep() {
    const Addresses shown = shownBy(service_);
    const std::string pool = annotation(service_, "pool");
    for (const bool isShown : {true, false}) {
      for (const auto& [address, ip] : mine_) {
        if (isReservation(*ip) || shown.contains(address) != isShown) continue;
        if (pool.empty() || homeOf(address) == pool) take(address);
      }
    }
  }

  [[nodiscard]] std::optional<IpAddress> lowestFree(const model::Pool& pool, Family family) const {
    for (const IpAddress& address : allAddresses()) {
      if (address.family() != family || taken_.contains(address) || mine_.contains(address)) {
        continue;
      }
      if (PoolRules::offers(pool, address)) return address;
    }
    return std::nullopt;
  }

  // False if a family stays empty.
  bool fill() {
    std::vector<Family> open;
    for (const Family family : familiesOf(service_)) {
      if (!has_.contains(family)) open.push_back(family);
    }
    std::vector<const model::Pool*> candidates;
    const std::string name = annotation(service_, "pool");
    for (const model::Pool* const pool : pools_.inOrder()) {
      const bool asked = name.empty() ? pool->autoAssign : pool->key.name == name;
      if (asked && pools_.ready(*pool) && admittedBy(*pool)) candidates.push_back(pool);
    }
    const model::Pool* const best = candidateForAll(candidates, open);
    std::stable_partition(candidates.begin(), candidates.end(),
                          [&](const model::Pool* pool) { return pool == best; });
    bool complete = true;
    for (const Family family : open) {
      complete = std::any_of(candidates.begin(), candidates.end(),
                             [&](const model::Pool* pool) {
                               const auto address = lowestFree(*pool, family);
                               return address && take(*address);
                             }) &&
                 complete;
    }
    return complete;
  }

  // One Pool for all addresses goes first, where there is one.
  [[nodiscard]] const model::Pool* candidateForAll(
      const std::vector<const model::Pool*>& candidates, const std::vector<Family>& open) const {
    for (const model::Pool* const pool : candidates) {
      const bool freeInAll = std::all_of(open.begin(), open.end(), [&](Family family) {
        return lowestFree(*pool, family).has_value();
      });
      const bool fromIt = std::all_of(has_.begin(), has_.end(), [&](const auto& each) {
        return poolOf(each.second) == pool->key.name;
      });
      if (freeInAll && fromIt) return pool;
    }
    return nullptr;
  }

  [[nodiscard]] std::string poolOf(const IpAddress& address) const {
    if (mine_.contains(address)) return homeOf(address);
    if (const std::string ip = annotation(service_, "ip"); !ip.empty()) {
      return pools_.home(address, findIp(cluster_, {service_.key.ns, ip})->status.pool);
    }
    const std::string name = annotation(service_, "pool");
    return name.empty() ? pools_.having(address)->key.name : name;
  }

  const PoolRules& pools_;
  const Cluster& cluster_;
  const model::Service& service_;
  const std::map<IpAddress, const model::IpClaim*>& mine_;
  const Addresses& taken_;
  ByFamily has_;
};

}  // namespace

std::optional<ByFamily> whatRulesGive(const PoolRules& pools, const Cluster& cluster,
                                      const model::Service& service,
                                      const std::map<IpAddress, const model::IpClaim*>& mine,
                                      const Addresses& taken) {
  return Case(pools, cluster, service, mine, taken).answer();
}

std::optional<IpAddress> whatRulesReserve(const PoolRules& pools, const model::IpClaim& ip,
                                          const Addresses& taken) {
  const Family family = ip.spec.family == "IPv6" ? Family::kIpv6 : Family::kIpv4;
  for (const model::Pool* const pool : pools.inOrder()) {
    const bool asked = ip.spec.pool.empty() || pool->key.name == ip.spec.pool;
    if (!asked || !pools.ready(*pool) || !pools.admits(*pool, ip.key.ns, nullptr)) continue;
    for (const IpAddress& address : allAddresses()) {
      if (taken.contains(address) || !PoolRules::offers(*pool, address)) continue;
      if (!ip.spec.address.empty()) {
        if (address.toString() == ip.spec.address) return address;
      } else if ((pool->autoAssign || !ip.spec.pool.empty()) && address.family() == family) {
        return address;
      }
    }
  }
  return std::nullopt;
}

}  // namespace barevip::history
