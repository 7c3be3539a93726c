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

Addresses keysOf(const std::map<IpAddress, const model::IpObject*>& records) {
  Addresses keys;
  for (const auto& [address, ip] : records) keys.insert(address);
  return keys;
}

class Check {
 public:
  explicit Check(const Cluster& cluster)
      : cluster_(cluster),
        pools_(cluster),
        holdings_(cluster),
        allRecorded_(!anyHoldsUnrecorded(cluster)) {}

  std::vector<std::string> run(const Refusals& refusals) {
    for (const auto& [address, held] : holdings_.all()) checkHolders(address, held);
    if (!refusals.empty()) {
      for (const model::Service& service : cluster_.services) checkRefused(service, refusals);
      return std::move(broken_);
    }
    for (const model::Service& service : cluster_.services) checkService(service);
    for (const model::IpObject& ip : cluster_.ips) {
      isReservation(ip) ? checkReservation(ip) : checkRecord(ip);
    }
    for (const IpTexts& ip : cluster_.ipTexts) checkTexts(ip);
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
      const auto record = holdings_.of(key).find(address);
      if (record == holdings_.of(key).end() || isReservation(*record->second)) return;
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
    if (isOurs(service) && isLeaving(cluster_, service)) return;
    if (isOurs(service) && lacksRecord(service)) {
      checkLacking(service);
      return;
    }
    expect(!allRecorded_ || shown == keysOf(mine),
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
    if (!known || !allRecorded_) return;
    if (condition->status == "True") {
      expect(possible && valuesOf(*possible) == shown,
             name + " is served with " + toText(shown) + ", but the rules give " +
                 (possible ? toText(valuesOf(*possible)) : "nothing"));
    } else {
      expect(!possible, name + " waits (" + condition->message + "), but the rules give " +
                            toText(valuesOf(possible.value_or(ByFamily{}))));
    }
  }

  // A person's IP object has the name of its record, or an earlier one has that a finalizer keeps.
  void checkLacking(const model::Service& service) {
    const std::string name = "Service " + service.key.toString();
    const auto isInTheWay = [&](const model::IpObject& ip) {
      return ip.key.ns == service.key.ns && ip.key.name.str().starts_with(service.key.name + "-") &&
             (isReservation(ip) || ip.deleting);
    };
    expect(std::any_of(cluster_.ips.begin(), cluster_.ips.end(), isInTheWay),
           name + " lacks a record, and nothing is in its way: " +
               assignedCondition(service)->message);
    if (assignedCondition(service)->status == "True") {
      expect(!shownBy(service).empty(), name + " is served and shows nothing");
    }
  }

  // What is served is recorded, or the condition says that it is not.
  void checkRefused(const model::Service& service, const Refusals& refusals) {
    const bool said = !refusals.statuses.contains(service.key.ns);
    if (!isOurs(service) || isLeaving(cluster_, service) || !said) return;
    const std::string name = "Service " + service.key.toString();
    const model::Condition* const condition = assignedCondition(service);
    if (condition == nullptr) {
      expect(holdings_.isForeign(service), name + " has no condition");
      return;
    }
    expect(!condition->reason.empty() && !condition->message.empty(),
           name + " has a condition without a reason or a sentence");
    if (holdings_.isForeign(service) || lacksRecord(service)) return;
    const Addresses shown = shownBy(service);
    expect(shown == keysOf(holdings_.of(service.key)),
           name + " shows " + toText(shown) + " and has records for " +
               toText(keysOf(holdings_.of(service.key))) + ", and does not say why");
  }

  void checkRecord(const model::IpObject& ip) {
    if (ip.deleting || !counts(cluster_, ip)) return;
    const std::string name = "IP " + ip.key.toString();
    const kube::ObjectKey owner{ip.key.ns, ip.serviceOwner->name};
    const model::Service* const service = findService(cluster_, owner);
    expect(service != nullptr && service->uid == ip.serviceOwner->uid,
           name + " outlives its Service");
    // Who tampered with what is going has the last word.
    if (service != nullptr && isLeaving(cluster_, *service) && !isBoundRecord(ip)) return;
    expect(isBoundRecord(ip), name + " is of a Service and is not bound, but " + ip.status.phase);
    if (service == nullptr) return;
    expect(ip.status.services == std::vector<Text>{owner.name},
           name + " does not name its Service alone");
    checkGranted(ip, *service);
    const IpAddress address = IpAddress::parse(ip.spec.address).value();
    const std::string home = pools_.home(address, holdings_.givenFrom(address));
    expect(ip.status.pool == home, name + " says Pool " + ip.status.pool + ", it is " + home);
  }

  // Who waits may have what it has on older terms.
  void checkGranted(const model::IpObject& ip, const model::Service& service) {
    if (isLeaving(cluster_, service) || lacksRecord(service)) return;
    const model::Condition* const condition = assignedCondition(service);
    if (condition == nullptr || condition->status != "True") return;
    const std::set<std::string> ports(ip.status.ports.begin(), ip.status.ports.end());
    const std::string name = "IP " + ip.key.toString();
    const Terms terms = termsOf(service);
    expect(ports == terms.ports, name + " has other ports than its Service");
    expect(ip.spec.shareKey == terms.key, name + " has another share key than its Service");
  }

  void checkReservation(const model::IpObject& ip) {
    if (ip.deleting) return;
    const std::string name = "IP " + ip.key.toString();
    const model::Condition* const condition = model::findCondition(ip.status.conditions, "Bound");
    if (condition == nullptr) {
      broken_.push_back(name + " has no condition");
      return;
    }
    if (ip.status.phase != "Bound") {
      const auto possible = whatRulesReserve(pools_, ip, holdings_);
      expect(!possible || !allRecorded_, name + " waits (" + condition->message +
                                             "), but the rules give " +
                                             (possible ? possible->toString() : ""));
      expect(ip.status.services.empty(), name + " waits and has a user");
      return;
    }
    expect(ip.spec.address.empty() || ip.spec.address == ip.status.address,
           name + " asks for " + ip.spec.address + " and holds " + ip.status.address);
    checkUsers(ip);
  }

  void checkUsers(const model::IpObject& ip) {
    const std::string name = "IP " + ip.key.toString();
    const auto held = holdings_.all().at(IpAddress::parse(ip.status.address).value());
    std::set<std::string> ports;
    bool known = true;
    for (const kube::ObjectKey& key : held.services) {
      const model::Service* const user = findService(cluster_, key);
      expect(user != nullptr, name + " is used by a Service that is not there");
      if (user == nullptr) return;
      const model::Condition* const condition = assignedCondition(*user);
      known = known && condition != nullptr && condition->status == "True" && !lacksRecord(*user) &&
              !isLeaving(cluster_, *user);
      ports.merge(termsOf(*user).ports);
    }
    const std::set<std::string> said(ip.status.ports.begin(), ip.status.ports.end());
    expect(!known || said == ports, name + " has other ports than its users");
  }

  // One that is being deleted and is still there is held by somebody's finalizer, and not looked
  // at.
  void checkTexts(const IpTexts& ip) {
    if (ip.deleting || mayBeForged(ip.key)) return;
    const std::string name = "IP " + ip.key.toString();
    std::string joined;
    for (const std::string& each : ip.services) joined += (joined.empty() ? "" : ", ") + each;
    expect(ip.service == joined, name + " names " + ip.service + " and lists " + joined);
    const model::Condition* const bound = model::findCondition(ip.conditions, "Bound");
    const model::Condition* const ready = model::findCondition(ip.conditions, "Ready");
    if (bound == nullptr || ready == nullptr) {
      broken_.push_back(name + " does not say whether it is bound and ready");
      return;
    }
    expect(ready->status == (ip.phase == "Bound" ? "True" : "False"),
           name + " is " + ip.phase + " and Ready is " + ready->status);
    const bool same = ready->status == bound->status && ready->reason == bound->reason &&
                      ready->message == bound->message &&
                      ready->lastTransition == bound->lastTransition;
    expect(same, name + " says by Ready what Bound does not say: " + ready->message);
    for (const std::int64_t observed :
         {ip.observedGeneration, bound->observedGeneration, ready->observedGeneration}) {
      expect(observed == ip.generation, name + " is of generation " +
                                            std::to_string(ip.generation) + " and its status of " +
                                            std::to_string(observed));
    }
  }

  // What somebody forges for such a Service stays without a status.
  [[nodiscard]] bool mayBeForged(const kube::ObjectKey& key) const {
    return std::any_of(cluster_.ips.begin(), cluster_.ips.end(), [&](const model::IpObject& ip) {
      if (ip.key != key || isReservation(ip)) return false;
      const auto* const owner = findService(cluster_, {key.ns, ip.serviceOwner->name});
      return owner != nullptr && (isLeaving(cluster_, *owner) || lacksRecord(*owner));
    });
  }

  void checkGeneration(const model::Pool& pool) {
    const auto isOf = [&](std::int64_t observed) {
      expect(observed == pool.generation, "Pool " + pool.key.name + " is of generation " +
                                              std::to_string(pool.generation) +
                                              " and its status of " + std::to_string(observed));
    };
    isOf(pool.status.observedGeneration);
    for (const model::Condition& each : pool.status.conditions) isOf(each.observedGeneration);
  }

  void checkPool(const model::Pool& pool) {
    checkGeneration(pool);
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      if (allRecorded_) checkCounts(pool, family);
    }
    const model::Condition* const ready = model::findCondition(pool.status.conditions, "Ready");
    expect(ready != nullptr && (ready->status == "True") == pools_.ready(pool),
           "Pool " + pool.key.name + " says of itself the opposite of what it is: " +
               (ready == nullptr ? "nothing" : ready->message));
    const auto none = [](const model::Pool::Counts& c) { return c.ipv4 == "0" && c.ipv6 == "0"; };
    expect(
        !pool.deleting || !none(pool.status.allocated),
        "Pool " + pool.key.name + " is deleted, nobody has its addresses, and it is still there");
  }

  // Held addresses count for the Pools that offer them, and the others for the Pool that IP objects
  // say.
  void checkCounts(const model::Pool& pool, Family family) {
    std::size_t capacity = 0;
    std::size_t held = 0;
    for (const IpAddress& address : allAddresses()) {
      if (address.family() != family || !PoolRules::offers(pool, address)) continue;
      ++capacity;
      if (holdings_.all().contains(address)) ++held;
    }
    Addresses outside;
    for (const model::IpObject& ip : cluster_.ips) {
      if (ip.status.phase != "Bound" || !counts(cluster_, ip)) continue;
      const IpAddress address = IpAddress::parse(ip.status.address).value();
      // The status of one that is being deleted stays what it was.
      const Text home = ip.deleting ? pools_.home(address, ip.status.pool) : ip.status.pool.str();
      if (home != pool.key.name) continue;
      if (address.family() == family && !PoolRules::offers(pool, address)) outside.insert(address);
    }
    const auto member =
        family == Family::kIpv4 ? &model::Pool::Counts::ipv4 : &model::Pool::Counts::ipv6;
    const auto same = [&](const char* what, const model::Pool::Counts& counts, std::size_t truth) {
      expect(counts.*member == std::to_string(truth),
             "Pool " + pool.key.name + " says " + std::string(toString(family)) + " " + what + " " +
                 counts.*member + ", it is " + std::to_string(truth));
    };
    same("capacity", pool.status.capacity, capacity);
    same("allocated", pool.status.allocated, held + outside.size());
    same("available", pool.status.available, capacity - held);
  }

  const Cluster& cluster_;
  const PoolRules pools_;
  const Holdings holdings_;
  const bool allRecorded_;
  std::vector<std::string> broken_;
};

// What the Services had before and have now.
class Comparison {
 public:
  Comparison(const Cluster& before, const Cluster& now)
      : before_(before), now_(now), had_(before), has_(now) {}

  std::vector<std::string> kept(const std::set<kube::ObjectKey>& asking, const Refusals& refusals) {
    for (const model::Service& service : now_.services) {
      if (asking.contains(service.key)) continue;
      checkKept(service, isLeaving(now_, service) || refusals.statuses.contains(service.key.ns));
    }
    for (const model::IpObject& ip : now_.ips) {
      if (isReservation(ip) && !asking.contains(ip.key)) checkKept(ip);
    }
    return std::move(broken_);
  }

  // Free before, and it may be given on request: then it is the restored Service's.
  std::vector<std::string> restored(const kube::ObjectKey& key, const IpAddress& address) {
    const model::Service* const service = findService(now_, key);
    if (service == nullptr || !isOurs(*service) || asksForSomething(*service) ||
        isLeaving(now_, *service) || lacksRecord(*service)) {
      return {};
    }
    const auto families = service->ipFamilies;
    const bool wanted = families.front() == address.family() ||
                        (service->ipFamilyPolicy != model::IpFamilyPolicy::kSingleStack &&
                         families.back() == address.family());
    const PoolRules pools(now_);
    const model::Pool* const pool = pools.having(address);
    const bool free = !had_.all().contains(address);
    if (!wanted || !free || pool == nullptr || !PoolRules::offers(*pool, address) ||
        !pools.admits(*pool, key.ns, &service->labels) || pool->maxPerNamespace != 0) {
      return {};
    }
    const Addresses shown = shownBy(*service);
    if (shown.contains(address)) return {};
    return {"Service " + key.toString() + " was restored with " + address.toString() +
            ", which was free, and shows " + toText(shown)};
  }

  std::vector<std::string> choice() {
    checkChoice();
    return std::move(broken_);
  }

 private:
  // unrepaired: what its status says is not the operator's word any more.
  void checkKept(const model::Service& service, bool unrepaired) {
    const model::Service* const earlier = findService(before_, service.key);
    if (earlier == nullptr || earlier->uid != service.uid || !isOurs(service)) return;
    if (!isOurs(*earlier) || had_.isForeign(*earlier)) return;
    Addresses had = shownBy(*earlier);
    const bool bare = lacksRecord(*earlier) || isLeaving(before_, *earlier);
    std::erase_if(had, [&](const IpAddress& address) {
      // Somebody else made it show what it has no record of, and nothing could be done against it.
      const bool recorded = had_.of(service.key).contains(address);
      return (!recorded && !bare) || asksToLeave(service, address);
    });
    Addresses has = shownBy(service);
    if (unrepaired) has.merge(keysOf(has_.of(service.key)));
    if (!std::includes(has.begin(), has.end(), had.begin(), had.end())) {
      broken_.push_back("Service " + service.key.toString() + " had " + toText(had) +
                        ", asked for nothing else, and has " + toText(has));
    }
  }

  // It asks for a Pool that did not give the address, and that has it no more.
  [[nodiscard]] bool asksToLeave(const model::Service& service, const IpAddress& address) const {
    const auto asked = service.annotations.find("barevip.dev/pool");
    const auto record = had_.of(service.key).find(address);
    if (asked == service.annotations.end() || record == had_.of(service.key).end()) return false;
    // Without the record nobody knows any more who gave it.
    const std::string& uid = record->second->uid;
    const bool lost = std::none_of(now_.ips.begin(), now_.ips.end(),
                                   [&](const model::IpObject& ip) { return ip.uid == uid; });
    if (lost) return PoolRules(now_).home(address, "") != asked->second;
    return record->second->spec.pool != asked->second &&
           PoolRules(now_).home(address, had_.givenFrom(address)) != asked->second;
  }

  [[nodiscard]] static bool asksForSomething(const model::Service& service) {
    return !service.loadBalancerIp.empty() ||
           std::any_of(service.annotations.begin(), service.annotations.end(),
                       [](const auto& each) { return each.first != "barevip.dev/share"; });
  }

  void checkKept(const model::IpObject& ip) {
    for (const model::IpObject& earlier : before_.ips) {
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
    if (!samePools() || anyHoldsUnrecorded(before_)) return;
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
    if (othersChanged(*gainer) || isLeaving(now_, *gainer) || lacksRecord(*gainer)) return;
    const auto [known, expected] = whatRulesGive(PoolRules(now_), before_, had_, *gainer);
    if (!known) return;
    const Addresses chosen = shownBy(*gainer);
    if (!expected || valuesOf(*expected) != chosen) {
      broken_.push_back("Service " + gainer->key.toString() + " was given " + toText(chosen) +
                        ", the order of the Pools gives " +
                        (expected ? toText(valuesOf(*expected)) : "nothing"));
    }
  }

  // Somebody else is there on other terms, so that another Service may fit there.
  [[nodiscard]] bool othersChanged(const model::Service& gainer) const {
    return std::any_of(before_.services.begin(), before_.services.end(), [&](const auto& earlier) {
      const model::Service* const other = findService(now_, earlier.key);
      return other != nullptr && other->key != gainer.key && !(termsOf(*other) == termsOf(earlier));
    });
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

model::IpObject visible(model::IpObject ip) {
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

std::vector<std::string> brokenNow(const Cluster& now, const Refusals& refusals) {
  return Check(now).run(refusals);
}

std::vector<std::string> brokenSince(const Cluster& before, const Cluster& now,
                                     const std::set<kube::ObjectKey>& asking,
                                     const Refusals& refusals) {
  return Comparison(before, now).kept(asking, refusals);
}

std::set<kube::ObjectKey> stillAsking(std::set<kube::ObjectKey> asking, const Cluster& settled,
                                      const Refusals& refusals) {
  std::erase_if(asking, [&](const kube::ObjectKey& service) {
    if (refusals.statuses.contains(service.ns)) return false;
    const model::Service* const found = findService(settled, service);
    const auto* const condition = found == nullptr ? nullptr : assignedCondition(*found);
    return condition == nullptr || (condition->status == "True" && !lacksRecord(*found));
  });
  return asking;
}

std::vector<std::string> brokenChoice(const Cluster& before, const Cluster& now) {
  return Comparison(before, now).choice();
}

std::vector<std::string> brokenRestored(const Cluster& before, const Cluster& now,
                                        const kube::ObjectKey& service, const IpAddress& address) {
  return Comparison(before, now).restored(service, address);
}

std::vector<std::string> brokenByNewLeader(const Cluster& before, const Cluster& now) {
  // It is not restored, so that another one may get it.
  if (anyHoldsUnrecorded(before)) return {};
  std::vector<std::string> broken;
  const auto expect = [&](bool same, const std::string& what) {
    if (!same) broken.push_back("a new leader changes " + what);
  };
  const auto compare = [&](const auto& a, const auto& b, const std::string& kind) {
    const auto find = [](const auto& all, const kube::ObjectKey& key) {
      return std::find_if(all.begin(), all.end(),
                          [&](const auto& each) { return each.key == key; });
    };
    for (const auto& was : a) {
      const auto is = find(b, was.key);
      expect(is != b.end() && visible(was) == visible(*is), kind + was.key.toString());
    }
    for (const auto& is : b) expect(find(a, is.key) != a.end(), kind + is.key.toString());
  };
  compare(before.services, now.services, "Service ");
  compare(before.ips, now.ips, "IP ");
  compare(before.pools, now.pools, "Pool ");
  return broken;
}

}  // namespace barevip::history
