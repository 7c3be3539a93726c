// SPDX-License-Identifier: Apache-2.0
#include "history/reference.h"

#include <algorithm>
#include <utility>

#include "history/history.h"
#include "history/rules.h"

namespace barevip::history {
namespace {

std::string toText(const Addresses& addresses) {
  std::string text;
  for (const IpAddress& each : addresses) text += (text.empty() ? "" : ",") + each.toString();
  return text.empty() ? "nothing" : text;
}

Addresses valuesOf(const ByFamily& addresses) {
  Addresses values;
  for (const auto& [family, address] : addresses) values.insert(address);
  return values;
}

Addresses keysOf(const std::map<IpAddress, const model::IpClaim*>& records) {
  Addresses keys;
  for (const auto& [address, ip] : records) keys.insert(address);
  return keys;
}

class Check {
 public:
  explicit Check(const Cluster& cluster) : cluster_(cluster), pools_(cluster), holdings_(cluster) {}

  std::vector<std::string> run() {
    for (const auto& [address, held] : holdings_.all()) checkHolders(address, held);
    for (const model::Service& service : cluster_.services) checkService(service);
    for (const model::IpClaim& ip : cluster_.ips) {
      isReservation(ip) ? checkReservation(ip) : checkRecord(ip);
    }
    for (const model::Pool& pool : cluster_.pools) checkPool(pool);
    return std::move(broken_);
  }

 private:
  void expect(bool kept, const std::string& sentence) {
    if (!kept) broken_.push_back(sentence);
  }

  void checkHolders(const IpAddress& address, const Holdings::Held& held) {
    const std::string text = address.toString();
    expect(held.reservations.size() <= 1, text + " is reserved twice");
    for (const kube::ObjectKey& a : held.services) {
      for (const kube::ObjectKey& b : held.services) {
        if (a < b) checkSharers(address, a, b);
      }
    }
  }

  void checkSharers(const IpAddress& address, const kube::ObjectKey& a, const kube::ObjectKey& b) {
    Terms first = holdings_.granted(a, address);
    Terms second = holdings_.granted(b, address);
    // What the API does not tell of them: ports of users of a reservation, and whose pods.
    for (const auto& [key, terms] : {std::pair(a, &first), std::pair(b, &second)}) {
      if (terms->known) continue;
      terms->localPods.reset();
      if (isReservation(*holdings_.of(key).at(address))) return;
    }
    expect(agree(first, second), address.toString() + " is held by " + a.toString() + " and " +
                                     b.toString() + ", who cannot share it");
  }

  void checkService(const model::Service& service) {
    const std::string name = "Service " + service.key.toString();
    const Holdings::Records& mine = holdings_.of(service.key);
    const model::Condition* const condition = assignedCondition(service);
    if (holdings_.isForeign(service)) {
      expect(mine.empty(), name + " is foreign and has records for " + toText(keysOf(mine)));
      return;
    }
    const Addresses shown = shownBy(service);
    expect(shown == keysOf(mine),
           name + " shows " + toText(shown) + " and has records for " + toText(keysOf(mine)));
    if (!isOurs(service)) {
      expect(shown.empty(), name + " is not ours and keeps " + toText(shown));
      expect(condition == nullptr, name + " is not ours and keeps our condition");
      return;
    }
    if (condition == nullptr) {
      broken_.push_back(name + " has no condition");
      return;
    }
    expect(!condition->reason.empty() && !condition->message.empty(),
           name + " has a condition without a reason or a sentence");
    const auto [known, possible] = whatRulesGive(pools_, cluster_, holdings_, service);
    if (!known) return;
    if (condition->status == "True") {
      expect(possible && valuesOf(*possible) == shown,
             name + " is served with " + toText(shown) + ", but the rules give " +
                 (possible ? toText(valuesOf(*possible)) : "nothing"));
    } else {
      expect(!possible, name + " waits (" + condition->message + "), but the rules give " +
                            toText(valuesOf(possible.value_or(ByFamily{}))));
    }
  }

  void checkRecord(const model::IpClaim& ip) {
    const std::string name = "IP " + ip.key.toString();
    const kube::ObjectKey owner{ip.key.ns, ip.serviceOwner->name};
    const model::Service* const service = findService(cluster_, owner);
    expect(service != nullptr && service->uid == ip.serviceOwner->uid,
           name + " outlives its Service");
    expect(ip.status.phase == "Bound" && ip.status.address == ip.spec.address,
           name + " is of a Service and is not bound, but " + ip.status.phase);
    if (service == nullptr) return;
    expect(ip.status.service == owner.name, name + " names Service " + ip.status.service);
    checkGranted(ip, *service);
    const std::string home = pools_.home(IpAddress::parse(ip.spec.address).value(), ip.spec.pool);
    expect(ip.status.pool == home, name + " says Pool " + ip.status.pool + ", it is " + home);
  }

  // Who waits may have what it has on older terms.
  void checkGranted(const model::IpClaim& ip, const model::Service& service) {
    const model::Condition* const condition = assignedCondition(service);
    if (condition == nullptr || condition->status != "True") return;
    const std::set<std::string> ports(ip.status.ports.begin(), ip.status.ports.end());
    const std::string name = "IP " + ip.key.toString();
    const Terms terms = termsOf(service);
    expect(ports == terms.ports, name + " has other ports than its Service");
    expect(ip.spec.shareKey == terms.key, name + " has another share key than its Service");
  }

  void checkReservation(const model::IpClaim& ip) {
    const std::string name = "IP " + ip.key.toString();
    const model::Condition* const condition = model::findCondition(ip.status.conditions, "Bound");
    if (condition == nullptr) {
      broken_.push_back(name + " has no condition");
      return;
    }
    if (ip.status.phase != "Bound") {
      const auto possible = whatRulesReserve(pools_, ip, holdings_);
      expect(!possible, name + " waits (" + condition->message + "), but the rules give " +
                            (possible ? possible->toString() : ""));
      expect(ip.status.service.empty(), name + " waits and has a user");
      return;
    }
    expect(ip.spec.address.empty() || ip.spec.address == ip.status.address,
           name + " asks for " + ip.spec.address + " and holds " + ip.status.address);
    checkUsers(ip);
  }

  void checkUsers(const model::IpClaim& ip) {
    const std::string name = "IP " + ip.key.toString();
    const auto held = holdings_.all().at(IpAddress::parse(ip.status.address).value());
    std::set<std::string> ports;
    bool known = true;
    for (const kube::ObjectKey& key : held.services) {
      const model::Service* const user = findService(cluster_, key);
      expect(user != nullptr, name + " is used by a Service that is not there");
      if (user == nullptr) return;
      const model::Condition* const condition = assignedCondition(*user);
      known = known && condition != nullptr && condition->status == "True";
      ports.merge(termsOf(*user).ports);
    }
    const std::set<std::string> said(ip.status.ports.begin(), ip.status.ports.end());
    expect(!known || said == ports, name + " has other ports than its users");
  }

  void checkPool(const model::Pool& pool) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) checkCounts(pool, family);
    const model::Condition* const ready = model::findCondition(pool.status.conditions, "Ready");
    expect(ready != nullptr && (ready->status == "True") == pools_.ready(pool),
           "Pool " + pool.key.name + " says of itself the opposite of what it is: " +
               (ready == nullptr ? "nothing" : ready->message));
    const auto none = [](const model::Pool::Counts& c) { return c.ipv4 == "0" && c.ipv6 == "0"; };
    expect(
        !pool.deleting || !none(pool.status.allocated),
        "Pool " + pool.key.name + " is deleted, nobody has its addresses, and it is still there");
  }

  // Held addresses count for the Pools that offer them, and such as no Pool offers any more for the
  // one that they were given from.
  void checkCounts(const model::Pool& pool, Family family) {
    std::size_t capacity = 0;
    std::size_t held = 0;
    for (const IpAddress& address : allAddresses()) {
      if (address.family() != family || !PoolRules::offers(pool, address)) continue;
      ++capacity;
      if (holdings_.all().contains(address)) ++held;
    }
    std::size_t outside = 0;
    for (const model::IpClaim& ip : cluster_.ips) {
      if (ip.status.phase != "Bound" || ip.status.pool != pool.key.name) continue;
      const IpAddress address = IpAddress::parse(ip.status.address).value();
      if (address.family() == family && !PoolRules::offers(pool, address)) ++outside;
    }
    const auto member =
        family == Family::kIpv4 ? &model::Pool::Counts::ipv4 : &model::Pool::Counts::ipv6;
    const auto same = [&](const char* what, const model::Pool::Counts& counts, std::size_t truth) {
      expect(counts.*member == std::to_string(truth),
             "Pool " + pool.key.name + " says " + std::string(toString(family)) + " " + what + " " +
                 counts.*member + ", it is " + std::to_string(truth));
    };
    same("capacity", pool.status.capacity, capacity);
    same("allocated", pool.status.allocated, held + outside);
    same("available", pool.status.available, capacity - held);
  }

  const Cluster& cluster_;
  const PoolRules pools_;
  const Holdings holdings_;
  std::vector<std::string> broken_;
};

// What the Services had before and have now.
class Comparison {
 public:
  Comparison(const Cluster& before, const Cluster& now)
      : before_(before), now_(now), had_(before), has_(now) {}

  std::vector<std::string> kept(const std::set<kube::ObjectKey>& asking) {
    for (const model::Service& service : now_.services) {
      if (!asking.contains(service.key)) checkKept(service);
    }
    for (const model::IpClaim& ip : now_.ips) {
      if (isReservation(ip)) checkKept(ip);
    }
    return std::move(broken_);
  }

  std::vector<std::string> choice() {
    checkChoice();
    return std::move(broken_);
  }

 private:
  void checkKept(const model::Service& service) {
    const model::Service* const earlier = findService(before_, service.key);
    if (earlier == nullptr || earlier->uid != service.uid || !isOurs(service)) return;
    if (!isOurs(*earlier) || had_.isForeign(*earlier)) return;
    const Addresses had = shownBy(*earlier);
    const Addresses has = shownBy(service);
    if (!std::includes(has.begin(), has.end(), had.begin(), had.end())) {
      broken_.push_back("Service " + service.key.toString() + " had " + toText(had) +
                        ", asked for nothing else, and has " + toText(has));
    }
  }

  void checkKept(const model::IpClaim& ip) {
    for (const model::IpClaim& earlier : before_.ips) {
      if (earlier.uid != ip.uid || earlier.status.phase != "Bound") continue;
      if (ip.status.phase != "Bound" || ip.status.address != earlier.status.address) {
        broken_.push_back("IP " + ip.key.toString() + " had " + earlier.status.address +
                          " and has " + ip.status.address);
      }
    }
  }

  [[nodiscard]] bool samePools() const {
    return std::equal(before_.pools.begin(), before_.pools.end(), now_.pools.begin(),
                      now_.pools.end(), [](const model::Pool& a, const model::Pool& b) {
                        return a.uid == b.uid && a.generation == b.generation &&
                               a.deleting == b.deleting;
                      });
  }

  void checkChoice() {
    if (!samePools()) return;
    const model::Service* gainer = nullptr;
    for (const model::Service& service : now_.services) {
      if (keysOf(had_.of(service.key)) == keysOf(has_.of(service.key))) continue;
      if (gainer != nullptr) return;
      gainer = &service;
    }
    if (gainer == nullptr || holdsReserved(gainer->key)) return;
    for (const auto& [address, held] : had_.all()) {
      const auto still = has_.all().find(address);
      if (still == has_.all().end()) return;
      Holdings::Held without = still->second;
      if (!held.services.contains(gainer->key)) without.services.erase(gainer->key);
      if (!(without == held)) return;
    }
    for (const auto& [address, held] : has_.all()) {
      const bool isNew = !had_.all().contains(address);
      if (isNew && (!held.foreign.empty() || !held.reservations.empty())) return;
    }
    const model::Service* const earlier = findService(before_, gainer->key);
    if (earlier != nullptr && earlier->uid != gainer->uid) return;
    const auto [known, expected] = whatRulesGive(PoolRules(now_), before_, had_, *gainer);
    if (!known) return;
    const Addresses chosen = shownBy(*gainer);
    if (!expected || valuesOf(*expected) != chosen) {
      broken_.push_back("Service " + gainer->key.toString() + " was given " + toText(chosen) +
                        ", the order of the Pools gives " +
                        (expected ? toText(valuesOf(*expected)) : "nothing"));
    }
  }

  [[nodiscard]] bool holdsReserved(const kube::ObjectKey& service) const {
    const Holdings::Records& records = has_.of(service);
    return std::any_of(records.begin(), records.end(),
                       [](const auto& record) { return isReservation(*record.second); });
  }

  const Cluster& before_;
  const Cluster& now_;
  const Holdings had_;
  const Holdings has_;
  std::vector<std::string> broken_;
};

// Without what the API server counts and when it was.
model::Conditions truths(model::Conditions conditions) {
  for (model::Condition& each : conditions) {
    if (each.status == "False") each.reason = each.message = "";
  }
  return conditions;
}

model::Service visible(model::Service service) {
  service.resourceVersion.clear();
  service.conditions = truths(service.conditions);
  return service;
}

model::IpClaim visible(model::IpClaim ip) {
  ip.resourceVersion.clear();
  ip.status.conditions = truths(ip.status.conditions);
  if (ip.status.phase == "Conflict") ip.status.phase = "Pending";
  return ip;
}

model::Pool visible(model::Pool pool) {
  pool.resourceVersion.clear();
  return pool;
}

}  // namespace

std::vector<std::string> brokenNow(const Cluster& now) { return Check(now).run(); }

std::vector<std::string> brokenSince(const Cluster& before, const Cluster& now,
                                     const std::set<kube::ObjectKey>& asking) {
  return Comparison(before, now).kept(asking);
}

std::vector<std::string> brokenChoice(const Cluster& before, const Cluster& now) {
  return Comparison(before, now).choice();
}

std::vector<std::string> brokenByNewLeader(const Cluster& before, const Cluster& now) {
  std::vector<std::string> broken;
  const auto expect = [&](bool same, const std::string& what) {
    if (!same) broken.push_back("a new leader changes " + what);
  };
  const auto compare = [&](const auto& a, const auto& b, const char* kind) {
    const bool same =
        std::equal(a.begin(), a.end(), b.begin(), b.end(),
                   [&](const auto& was, const auto& is) { return visible(was) == visible(is); });
    expect(same, kind);
  };
  compare(before.services, now.services, "a Service");
  compare(before.ips, now.ips, "an IP");
  compare(before.pools, now.pools, "a Pool");
  return broken;
}

}  // namespace barevip::history
