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

// The first and last address of an IPv4 prefix of four or more, the first one of an IPv6 prefix.
bool anyPrefixKeepsBack(const std::vector<std::string>& entries, const IpAddress& address) {
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    const auto slash = entry.find('/');
    if (slash == std::string::npos) return false;
    const IpRange range = IpRange::parse(entry).value();
    const int length = std::stoi(entry.substr(slash + 1));
    const bool four = range.family() == Family::kIpv4;
    if (length > (four ? 30 : 126)) return false;
    return address == range.first || (four && address == range.last);
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

// The Services that the status of a reservation names.
std::vector<kube::ObjectKey> usersOf(const model::IpObject& ip) {
  std::vector<kube::ObjectKey> users;
  for (const std::string& name : ip.status.services) users.push_back({ip.key.ns, name});
  return users;
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

const model::IpObject* findIp(const Cluster& cluster, const kube::ObjectKey& key) {
  const auto it = std::find_if(cluster.ips.begin(), cluster.ips.end(),
                               [&](const model::IpObject& ip) { return ip.key == key; });
  return it == cluster.ips.end() ? nullptr : &*it;
}

}  // namespace

bool isOurs(const model::Service& service) {
  return service.type == "LoadBalancer" &&
         (service.loadBalancerClass.empty() || service.loadBalancerClass == "barevip.dev/barevip");
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

bool isReservation(const model::IpObject& ip) { return !ip.serviceOwner; }

bool isLeaving(const Cluster& cluster, const model::Service& service) {
  return service.deleting ||
         std::any_of(cluster.namespaces.begin(), cluster.namespaces.end(),
                     [&](const auto& ns) { return ns.key.name == service.key.ns && ns.deleting; });
}

bool lacksRecord(const model::Service& service) {
  const model::Condition* const condition = assignedCondition(service);
  return condition != nullptr &&
         (condition->reason == "RecordRefused" || condition->reason == "RecordNameTaken");
}

bool isBoundRecord(const model::IpObject& ip) {
  return ip.status.phase == "Bound" && ip.status.address == ip.spec.address;
}

bool counts(const Cluster& cluster, const model::IpObject& ip) {
  if (isReservation(ip)) return ip.status.phase == "Bound";
  const model::Service* const owner = findService(cluster, {ip.key.ns, ip.serviceOwner->name});
  const bool there = owner != nullptr && owner->uid == ip.serviceOwner->uid;
  const bool shown = there && shownBy(*owner).contains(IpAddress::parse(ip.spec.address).value());
  if (ip.deleting) return shown;
  const bool tidied = there && !isLeaving(cluster, *owner) && !lacksRecord(*owner);
  return shown || !there || tidied || ip.status.phase == "Bound";
}

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
  if (!pool.allowFirstLast && anyPrefixKeepsBack(pool.addresses, address)) return false;
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
    const bool matches = std::any_of(cluster_.namespaces.begin(), cluster_.namespaces.end(),
                                     [&](const model::Namespace& each) {
                                       return each.key.name == ns && pool.namespaceSelector &&
                                              pool.namespaceSelector->matches(each.labels);
                                     });
    if (!matches && !contains(pool.namespaces, ns)) return false;
  }
  if (!pool.serviceSelector) return true;
  if (labels != nullptr) return pool.serviceSelector->matches(*labels);
  return pool.allowReservations || !pool.namespaces.empty() || pool.namespaceSelector;
}

const model::Pool* PoolRules::having(const IpAddress& address) const {
  for (const model::Pool* const pool : order_) {
    if (ready(*pool) && covers(*pool, address)) return pool;
  }
  return nullptr;
}

std::string PoolRules::home(const IpAddress& address, const std::string& recorded) const {
  const model::Pool* const known = find(recorded);
  if (known != nullptr && !known->deleting && covers(*known, address)) return recorded;
  const model::Pool* const now = having(address);
  return now == nullptr ? recorded : now->key.name.str();
}

Terms termsOf(const model::Service& service) {
  Terms terms;
  terms.key = annotation(service, "share");
  for (const model::ServicePort& port : service.ports) {
    terms.ports.insert(std::to_string(port.port) + "/" + std::string(toString(port.protocol)));
  }
  if (service.externalTrafficPolicy == model::TrafficPolicy::kLocal) {
    terms.localPods = service.selector;
  }
  return terms;
}

bool agree(const Terms& a, const Terms& b) {
  if (a.key.empty() || a.key != b.key) return false;
  const bool common = std::any_of(a.ports.begin(), a.ports.end(),
                                  [&](const std::string& port) { return b.ports.contains(port); });
  if (common) return false;
  if (!a.localPods || !b.localPods) return true;
  return !a.localPods->empty() && *a.localPods == *b.localPods;
}

const model::Service* findService(const Cluster& cluster, const kube::ObjectKey& key) {
  const auto it = std::find_if(cluster.services.begin(), cluster.services.end(),
                               [&](const model::Service& each) { return each.key == key; });
  return it == cluster.services.end() ? nullptr : &*it;
}

Holdings::Holdings(const Cluster& cluster) : cluster_(cluster) {
  for (const model::IpObject& ip : cluster.ips) {
    if (!counts(cluster, ip)) continue;
    if (isReservation(ip)) {
      const IpAddress address = IpAddress::parse(ip.status.address).value();
      held_[address].reservations.insert(ip.key);
      givenFrom_.emplace(address, ip.status.pool);
      for (const kube::ObjectKey& user : usersOf(ip)) {
        held_[address].services.insert(user);
        services_[user][address] = &ip;
      }
    } else {
      const IpAddress address = IpAddress::parse(ip.spec.address).value();
      const kube::ObjectKey owner{ip.key.ns, ip.serviceOwner->name};
      held_[address].services.insert(owner);
      givenFrom_.emplace(address, ip.spec.pool);
      services_[owner][address] = &ip;
    }
  }
  for (const model::Service& service : cluster.services) {
    const bool foreign = isForeign(service);
    for (const IpAddress& address : shownBy(service)) {
      // Ours, whether it is recorded or not.
      (foreign ? held_[address].foreign : held_[address].services).insert(service.key);
    }
  }
}

std::string Holdings::givenFrom(const IpAddress& address) const {
  const auto it = givenFrom_.find(address);
  return it == givenFrom_.end() ? "" : it->second;
}

const Holdings::Records& Holdings::of(const kube::ObjectKey& service) const {
  static const Records nothing;
  const auto it = services_.find(service);
  return it == services_.end() ? nothing : it->second;
}

bool Holdings::isForeign(const model::Service& service) const {
  if (service.ingress.empty()) return false;
  if (!isOurs(service)) return true;
  const model::Condition* const condition = assignedCondition(service);
  if (condition == nullptr) return of(service.key).empty();
  // It may wait for something and keep what it has.
  const bool keeps = std::any_of(
      service.ingress.begin(), service.ingress.end(), [&](const model::LoadBalancerIngress& each) {
        return condition->message.find("; the Service keeps " + each.ip) != std::string::npos;
      });
  return of(service.key).empty() && condition->status != "True" && !keeps;
}

Terms Holdings::granted(const kube::ObjectKey& service, const IpAddress& address) const {
  const model::Service* const found = findService(cluster_, service);
  if (found == nullptr) return Terms{"", {}, {}, false};
  const model::Condition* const condition = assignedCondition(*found);
  Terms terms = termsOf(*found);
  // Who waits for something else may have what it has on older terms.
  terms.known = condition != nullptr && condition->status == "True" && !isLeaving(cluster_, *found);
  const auto record = of(service).find(address);
  if (record == of(service).end()) {
    terms.known = false;
    return terms;
  }
  const model::IpObject& ip = *record->second;
  if (!isReservation(ip)) {
    terms.key = ip.spec.shareKey;
    terms.ports = {ip.status.ports.begin(), ip.status.ports.end()};
  }
  return terms;
}

bool anyHoldsUnrecorded(const Cluster& cluster) {
  // Its status is not repaired any more: it names no new user.
  const bool anyGoes =
      std::any_of(cluster.ips.begin(), cluster.ips.end(),
                  [](const model::IpObject& ip) { return isReservation(ip) && ip.deleting; });
  if (anyGoes) return true;
  const Holdings holdings(cluster);
  return std::any_of(
      cluster.services.begin(), cluster.services.end(), [&](const model::Service& service) {
        if (lacksRecord(service)) return true;
        if (!isLeaving(cluster, service)) return false;
        // Nothing of it is repaired.
        const Holdings::Records& mine = holdings.of(service.key);
        const Addresses shown = shownBy(service);
        return mine.empty() || !std::all_of(shown.begin(), shown.end(), [&](const auto& address) {
                 const auto record = mine.find(address);
                 return record != mine.end() &&
                        (isReservation(*record->second) || isBoundRecord(*record->second));
               });
      });
}

namespace {

bool hasIn(const Holdings::Held& held, const std::string& ns, const kube::ObjectKey& except) {
  const auto near = [&](const kube::ObjectKey& key) { return key.ns == ns && key != except; };
  return std::any_of(held.services.begin(), held.services.end(), near) ||
         std::any_of(held.reservations.begin(), held.reservations.end(), near);
}

// maxPerNamespace: what others of the namespace have of the Pool.
bool roomFor(const PoolRules& pools, const Holdings& holdings, const model::Pool& pool,
             const kube::ObjectKey& asking, Family family) {
  if (pool.maxPerNamespace == 0) return true;
  std::uint32_t count = 0;
  for (const auto& [address, held] : holdings.all()) {
    const bool counts = address.family() == family && hasIn(held, asking.ns, asking) &&
                        pools.home(address, holdings.givenFrom(address)) == pool.key.name;
    if (counts) ++count;
  }
  return count < pool.maxPerNamespace;
}

// One Service that is looked at.
class Case {
 public:
  Case(const PoolRules& pools, const Cluster& cluster, const Holdings& holdings,
       const model::Service& service)
      : pools_(pools),
        cluster_(cluster),
        holdings_(holdings),
        service_(service),
        terms_(termsOf(service)),
        mine_(holdings.of(service.key)) {}

  Answer answer() {
    Answer answer;
    if (takeNamed() && takeNumbered() && keep()) {
      const bool complete = fill();
      const bool all = service_.ipFamilyPolicy != model::IpFamilyPolicy::kPreferDualStack;
      if (complete || (!all && !has_.empty())) answer.has = addresses();
    }
    answer.known = known_;
    return answer;
  }

 private:
  struct Chosen {
    IpAddress address;
    std::string pool;
  };

  [[nodiscard]] ByFamily addresses() const {
    ByFamily addresses;
    for (const auto& [family, chosen] : has_) addresses.emplace(family, chosen.address);
    return addresses;
  }

  // Of an address that somebody has.
  [[nodiscard]] std::string homeOf(const IpAddress& address) const {
    return pools_.home(address, holdings_.givenFrom(address));
  }

  bool take(const IpAddress& address, const std::string& pool) {
    const auto families = familiesOf(service_);
    const bool wanted =
        std::find(families.begin(), families.end(), address.family()) != families.end();
    return wanted && has_.emplace(address.family(), Chosen{address, pool}).second;
  }

  [[nodiscard]] bool admittedBy(const model::Pool& pool) const {
    return pools_.admits(pool, service_.key.ns, &service_.labels);
  }

  [[nodiscard]] std::set<kube::ObjectKey> othersOn(const IpAddress& address) const {
    const auto it = holdings_.all().find(address);
    if (it == holdings_.all().end()) return {};
    std::set<kube::ObjectKey> others = it->second.services;
    others.erase(service_.key);
    return others;
  }

  [[nodiscard]] bool sameKeyAsOthers(const IpAddress& address) const {
    const auto others = othersOn(address);
    return std::all_of(others.begin(), others.end(), [&](const kube::ObjectKey& other) {
      return !terms_.key.empty() && holdings_.granted(other, address).key == terms_.key;
    });
  }

  bool fitsBesideOthers(const IpAddress& address) {
    const auto others = othersOn(address);
    return std::all_of(others.begin(), others.end(), [&](const kube::ObjectKey& other) {
      const Terms granted = holdings_.granted(other, address);
      if (!granted.known) known_ = false;
      return agree(terms_, granted);
    });
  }

  [[nodiscard]] bool poolAllowsJoining(const IpAddress& address, const std::string& pool) const {
    const model::Pool* const found = pools_.find(pool);
    const auto others = othersOn(address);
    return std::all_of(others.begin(), others.end(), [&](const kube::ObjectKey& other) {
      if (found == nullptr || found->allowSharing == model::AllowSharing::kCluster) return true;
      return found->allowSharing == model::AllowSharing::kNamespace && other.ns == service_.key.ns;
    });
  }

  [[nodiscard]] bool hasRoom(const model::Pool& pool, Family family) const {
    return roomFor(pools_, holdings_, pool, service_.key, family);
  }

  // Somebody of its namespace has it already, so that it counts no more than it did.
  [[nodiscard]] bool isNear(const IpAddress& address) const {
    const auto it = holdings_.all().find(address);
    return it != holdings_.all().end() && hasIn(it->second, service_.key.ns, {});
  }

  bool takeNamed() {
    const std::string name = annotation(service_, "ip");
    if (name.empty()) return true;
    const model::IpObject* const ip = findIp(cluster_, {service_.key.ns, name});
    if (ip == nullptr || !isReservation(*ip) || ip->status.phase != "Bound") return false;
    const IpAddress address = IpAddress::parse(ip->status.address).value();
    const std::string home = homeOf(address);
    if (!fitsBesideOthers(address)) return false;
    if (!mine_.contains(address)) {
      const bool shared = othersOn(address).empty() || ip->spec.shareKey == terms_.key;
      const model::Pool* const pool = pools_.find(home);
      if (!shared || !poolAllowsJoining(address, home)) return false;
      if (pool != nullptr && !admittedBy(*pool)) return false;
    }
    return take(address, home);
  }

  bool takeNumbered() {
    const auto requested = requestedAddresses(service_);
    if (!requested) return false;
    return std::all_of(requested->begin(), requested->end(), [&](const IpAddress& address) {
      if (!fitsBesideOthers(address)) return false;
      const auto mine = mine_.find(address);
      if (mine != mine_.end()) return take(address, homeOf(address));
      return mayHave(address);
    });
  }

  bool mayHave(const IpAddress& address) {
    const std::string name = annotation(service_, "pool");
    const model::Pool* const pool = name.empty() ? pools_.having(address) : pools_.find(name);
    const auto held = holdings_.all().find(address);
    if (held != holdings_.all().end()) {
      if (!held->second.reservations.empty() || !held->second.foreign.empty()) return false;
      if (!poolAllowsJoining(address, homeOf(address))) return false;
    }
    return pool != nullptr && pools_.ready(*pool) && PoolRules::offers(*pool, address) &&
           admittedBy(*pool) && (isNear(address) || hasRoom(*pool, address.family())) &&
           take(address, pool->key.name);
  }

  // What it shows goes before what it has, too. False if something stays, but not on the terms
  // that the Service asks for.
  bool keep() {
    const Addresses shown = shownBy(service_);
    const std::string pool = annotation(service_, "pool");
    for (const bool isShown : {true, false}) {
      for (const auto& [address, ip] : mine_) {
        if (isReservation(*ip) || shown.contains(address) != isShown) continue;
        const std::string home = homeOf(address);
        const bool asked = pool.empty() || home == pool || ip->spec.pool == pool;
        if (!asked || !sameKeyAsOthers(address)) continue;
        if (take(address, home) && !fitsBesideOthers(address)) return false;
      }
    }
    return true;
  }

  // False if a family stays empty.
  bool fill() {
    std::vector<const model::Pool*> candidates;
    const std::string name = annotation(service_, "pool");
    for (const model::Pool* const pool : pools_.inOrder()) {
      const bool asked = name.empty() ? pool->autoAssign : pool->key.name == name;
      if (asked && pools_.ready(*pool) && admittedBy(*pool)) candidates.push_back(pool);
    }
    for (const Family family : openFamilies()) join(candidates, family);
    const std::vector<Family> open = openFamilies();
    const model::Pool* const best = candidateForAll(candidates, open);
    std::stable_partition(candidates.begin(), candidates.end(),
                          [&](const model::Pool* pool) { return pool == best; });
    for (const Family family : open) {
      for (const model::Pool* const pool : candidates) {
        const auto address = lowestFree(*pool, family);
        if (address && take(*address, pool->key.name)) break;
      }
    }
    return openFamilies().empty();
  }

  [[nodiscard]] std::vector<Family> openFamilies() const {
    std::vector<Family> open;
    for (const Family family : familiesOf(service_)) {
      if (!has_.contains(family)) open.push_back(family);
    }
    return open;
  }

  // The lowest address that Services with its key have, Pool by Pool, and that has room.
  void join(const std::vector<const model::Pool*>& candidates, Family family) {
    if (terms_.key.empty()) return;
    for (const model::Pool* const pool : candidates) {
      for (const auto& [address, held] : holdings_.all()) {
        const bool joinable = address.family() == family && held.reservations.empty() &&
                              held.foreign.empty() && !mine_.contains(address) &&
                              PoolRules::offers(*pool, address) &&
                              homeOf(address) == pool->key.name;
        if (!joinable || !sameKeyAsOthers(address) || !poolAllowsJoining(address, pool->key.name) ||
            !(isNear(address) || hasRoom(*pool, family)) || !fitsBesideOthers(address)) {
          continue;
        }
        take(address, pool->key.name);
        return;
      }
    }
  }

  [[nodiscard]] std::optional<IpAddress> lowestFree(const model::Pool& pool, Family family) const {
    if (!hasRoom(pool, family)) return std::nullopt;
    for (const IpAddress& address : allAddresses()) {
      const bool held = holdings_.all().contains(address);
      if (address.family() == family && !held && PoolRules::offers(pool, address)) return address;
    }
    return std::nullopt;
  }

  // One Pool for all addresses goes first, where there is one.
  [[nodiscard]] const model::Pool* candidateForAll(
      const std::vector<const model::Pool*>& candidates, const std::vector<Family>& open) const {
    for (const model::Pool* const pool : candidates) {
      const bool freeInAll = std::all_of(open.begin(), open.end(), [&](Family family) {
        return lowestFree(*pool, family).has_value();
      });
      const bool fromIt = std::all_of(has_.begin(), has_.end(), [&](const auto& each) {
        return each.second.pool == pool->key.name;
      });
      if (freeInAll && fromIt) return pool;
    }
    return nullptr;
  }

  const PoolRules& pools_;
  const Cluster& cluster_;
  const Holdings& holdings_;
  const model::Service& service_;
  const Terms terms_;
  const Holdings::Records& mine_;
  std::map<Family, Chosen> has_;
  bool known_ = true;
};

}  // namespace

Answer whatRulesGive(const PoolRules& pools, const Cluster& cluster, const Holdings& holdings,
                     const model::Service& service) {
  return Case(pools, cluster, holdings, service).answer();
}

std::optional<IpAddress> whatRulesReserve(const PoolRules& pools, const model::IpObject& ip,
                                          const Holdings& holdings) {
  const Family family = ip.spec.family == "IPv6" ? Family::kIpv6 : Family::kIpv4;
  for (const model::Pool* const pool : pools.inOrder()) {
    const bool asked = ip.spec.pool.empty() || pool->key.name == ip.spec.pool;
    if (!asked || !pools.ready(*pool) || !pools.admits(*pool, ip.key.ns, nullptr)) continue;
    for (const IpAddress& address : allAddresses()) {
      if (holdings.all().contains(address) || !PoolRules::offers(*pool, address) ||
          !roomFor(pools, holdings, *pool, ip.key, address.family())) {
        continue;
      }
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
