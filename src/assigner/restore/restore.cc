// SPDX-License-Identifier: Apache-2.0
#include "assigner/restore/restore.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "barevip/base/log.h"

#include "assigner/allocation/ip_object_owner.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/reservation.h"
#include "assigner/allocation/service_status.h"
#include "assigner/restore/adoption.h"

namespace barevip::assigner {
namespace {

using Evidence = Allocator::Evidence;
using Services = std::map<kube::ObjectKey, const model::Service*>;

// One take-up of one snapshot.
class Restore {
 public:
  Restore(Allocator& allocator, const Snapshot& snapshot, const RestoreRules& rules)
      : allocator_(allocator), snapshot_(snapshot), rules_(rules) {
    for (const auto& service : snapshot.services) {
      services_[service->key] = service.get();
      byAge_.push_back(service.get());
      for (const std::string& name : requestedIpObjects(*service)) {
        namers_.emplace(kube::ObjectKey{service->key.ns, name}, service.get());
      }
    }
    std::set<std::pair<kube::ObjectKey, std::string>> recorded;
    for (const auto& ipObject : snapshot.ipObjects) {
      ipObjects_.push_back(ipObject.get());
      if (!ipObject->serviceOwner) noteUsers(*ipObject);
      if (!ipObject->serviceOwner) continue;
      records_.emplace(ownerOf(*ipObject), ipObject.get());
      ++consumers_[{ipObject->spec.address, ipObject->spec.shareKey}];
      recorded.emplace(ownerOf(*ipObject), ipObject->spec.address);
    }
    for (const auto& service : snapshot.services) {
      if (!isOurs(*service)) continue;
      for (const IpAddress& address : givenBy(*service)) {
        if (recorded.contains({service->key, address.toString()})) continue;
        ++consumers_[{address.toString(), termsOf(*service).key}];
      }
    }
    const auto older = [](const auto* a, const auto* b) {
      return std::tie(a->creationSeconds, a->key) < std::tie(b->creationSeconds, b->key);
    };
    std::sort(ipObjects_.begin(), ipObjects_.end(), older);
    std::sort(byAge_.begin(), byAge_.end(), older);
  }

  std::vector<const model::Service*> run() {
    // What was given for sure comes before what may have been given.
    std::vector<Record> unproven;
    std::vector<const model::IpObject*> leaving;
    for (const model::IpObject* const ipObject : ipObjects_) {
      if (!ipObject->serviceOwner) {
        ipObject->deleting && !isUsed(*ipObject) ? leaving.push_back(ipObject)
                                                 : restoreBound(*ipObject);
      } else if (const auto record = readRecord(*ipObject)) {
        if (record->evidence == Evidence::kClaimed) {
          unproven.push_back(*record);
        } else {
          restoreRecord(*record);
        }
      }
    }
    std::set<std::pair<const model::Service*, Family>> recorded;
    for (const Record& record : unproven) {
      recorded.emplace(record.service, record.address.family());
    }
    restoreShown([&](const model::Service& service, Family family) {
      return !recorded.contains({&service, family});
    });
    for (const Record& record : unproven) restoreRecord(record);
    // Those whose records are not usable.
    restoreShown([](const model::Service&, Family) { return true; });
    // A finalizer keeps them; it may be a record that somebody took the owner from.
    for (const model::IpObject* const ipObject : leaving) restoreBound(*ipObject);
    std::vector<const model::Service*> adopted;
    if (rules_.adopt) adopted = adoptShown();
    for (const auto& [key, service] : services_) noteForeign(*service);
    for (const model::IpObject* const ipObject : ipObjects_) {
      // What goes keeps what it has, and gets nothing.
      if (ipObject->serviceOwner || ipObject->deleting) continue;
      if (!ipObject->spec.address.empty()) reserve(*ipObject);
    }
    return adopted;
  }

 private:
  [[nodiscard]] bool isOurs(const model::Service& service) const {
    return rules_.classes.serve(service) || wasServed(service);
  }

  // Whom the status names, which is written last, and who names the reservation.
  void noteUsers(const model::IpObject& reservation) {
    const auto address = IpAddress::parse(reservation.status.address);
    if (!address || reservation.status.phase != "Bound") return;
    for (const std::string& name : reservation.status.services) {
      users_.insert({{reservation.key.ns, name}, *address});
    }
    const auto [first, last] = namers_.equal_range(reservation.key);
    for (auto it = first; it != last; ++it) users_.insert({it->second->key, *address});
  }

  // The one record that is certain is enough, and without any the usual classes need none. Neither
  // does what a reservation is used for: a class never changes while we show something.
  [[nodiscard]] bool wasServed(const model::Service& service) const {
    if (!service.isLoadBalancer()) return false;
    const auto [first, last] = records_.equal_range(service.key);
    bool any = false;
    for (auto it = first; it != last; ++it) {
      if (it->second->serviceOwner->uid != service.uid) continue;
      any = true;
      if (it->second->servedClass == model::recordedClass(service)) return true;
    }
    const std::vector<IpAddress> given = givenBy(service);
    if (any || given.empty()) return false;
    return model::recordedClass(service).empty() ||
           std::any_of(given.begin(), given.end(), [&](const IpAddress& address) {
             return users_.contains({service.key, address});
           });
  }

  [[nodiscard]] const model::Service* find(const kube::ObjectKey& key) const {
    const auto it = services_.find(key);
    return it == services_.end() ? nullptr : it->second;
  }

  // Of a Service that is there and ours.
  struct Record {
    const model::IpObject* ipObject;
    const model::Service* service;
    IpAddress address;
    Evidence evidence;
  };

  [[nodiscard]] std::optional<Record> readRecord(const model::IpObject& ipObject) const {
    const model::Service* const service = find(ownerOf(ipObject));
    const auto address = IpAddress::parse(ipObject.spec.address);
    if (service == nullptr || service->uid != ipObject.serviceOwner->uid || !isOurs(*service) ||
        !address) {
      return std::nullopt;
    }
    // We take an IP object away before the address is given again; a finalizer may hold it there.
    if (ipObject.deleting && !shows(*service, *address)) return std::nullopt;
    const Evidence evidence =
        provesGrant(ipObject, *service, *address) ? Evidence::kRecorded : Evidence::kClaimed;
    if (evidence == Evidence::kClaimed && !mayBeGiven(ipObject, *service, *address))
      return std::nullopt;
    return Record{&ipObject, service, *address, evidence};
  }

  void restoreRecord(const Record& record) {
    const model::IpObject& ipObject = *record.ipObject;
    const ServiceConsumer consumer{record.service->key, recordedTerms(ipObject, *record.service),
                                   ipObject.spec.pool};
    if (allocator_.restore(consumer, record.address, record.evidence)) return;
    log::warn("an IP object claims an address that another one has, and they do not share it",
              {{"address", record.address.toString()},
               {"holder", allocator_.allocations().find(record.address)->toString()},
               {"loser", ipObject.key.toString()}});
  }

  // Who may create IP objects must not get around the Pools by naming a Service as their owner: a
  // IP object counts if its status, which needs another permission, or the Service's status shows
  // that the address was given, even if the Service asks for another one by now, or if the Pool
  // would give it now (we stopped before a status was written).
  [[nodiscard]] static bool provesGrant(const model::IpObject& ipObject,
                                        const model::Service& service, const IpAddress& address) {
    if (ipObject.status.phase == "Bound") return true;
    return model::findCondition(service.conditions, kAddressAssigned) != nullptr &&
           shows(service, address);
  }

  [[nodiscard]] bool mayBeGiven(const model::IpObject& ipObject, const model::Service& service,
                                const IpAddress& address) const {
    const PoolState* const pool = allocator_.pools().find(ipObject.spec.pool);
    if (pool == nullptr || !pool->gives() || !pool->space.offers(address)) return false;
    const auto ns = snapshot_.namespaceOf(service.key.ns);
    return !pool->plan.admission.refusal(requesterOf(service, ns.get()));
  }

  // What the Service was granted. Its ports stand in the IP object, and so does the key that it
  // shares under; the key of one that is alone may have changed before its IP object did. The
  // policy does not stand there: what the Service asks for now was granted if it says so.
  [[nodiscard]] SharingTerms recordedTerms(const model::IpObject& ipObject,
                                           const model::Service& service) const {
    SharingTerms terms = termsOf(service);
    const bool shares = consumers_.at({ipObject.spec.address, ipObject.spec.shareKey}) > 1;
    if (shares) terms.key = ipObject.spec.shareKey;
    if (!ipObject.status.ports.empty()) terms.ports = portsFrom(ipObject.status.ports);
    if (!saysAssigned(service)) terms.localPods.reset();
    return terms;
  }

  [[nodiscard]] static std::vector<Port> portsFrom(const std::vector<Text>& texts) {
    std::vector<Port> ports;
    for (const Text& text : texts) {
      if (const auto port = Port::parse(text)) ports.push_back(*port);
    }
    std::sort(ports.begin(), ports.end());
    return ports;
  }

  void restoreBound(const model::IpObject& ipObject) {
    if (ipObject.status.phase != "Bound") return;
    const auto address = IpAddress::parse(ipObject.status.address);
    if (!address) return;
    allocator_.restoreReservation(ipObject.key, *address, ipObject.status.pool,
                                  ipObject.spec.shareKey, usersOf(ipObject, *address));
  }

  [[nodiscard]] bool isUsed(const model::IpObject& ipObject) const {
    const auto address = IpAddress::parse(ipObject.status.address);
    const auto [first, last] = namers_.equal_range(ipObject.key);
    return address && std::any_of(first, last, [&](const auto& namer) {
             const model::Service& service = *namer.second;
             return isOurs(service) && saysAssigned(service) && shows(service, *address);
           });
  }

  // Those first that have what they ask for: the ports in the status are the ports of all. The
  // status of the IP object is written last: who names the IP object and shows the address uses it,
  // too; and whom it names may have been created anew since, and neither name the IP object nor
  // show it.
  [[nodiscard]] std::vector<ServiceConsumer> usersOf(const model::IpObject& ipObject,
                                                     const IpAddress& address) const {
    std::vector<const model::Service*> services;
    for (const std::string& name : ipObject.status.services) {
      const model::Service* const service = find({ipObject.key.ns, name});
      if (service == nullptr || !isOurs(*service)) continue;
      const bool uses = namesIpObject(*service, ipObject.key.name) || shows(*service, address);
      if (uses) services.push_back(service);
    }
    const auto [first, last] = namers_.equal_range(ipObject.key);
    for (auto it = first; it != last; ++it) {
      const model::Service* const service = it->second;
      const bool known = std::find(services.begin(), services.end(), service) != services.end();
      const bool uses = isOurs(*service) && saysAssigned(*service) && shows(*service, address);
      if (!known && uses) services.push_back(service);
    }
    std::stable_partition(services.begin(), services.end(),
                          [](const model::Service* each) { return saysAssigned(*each); });
    std::vector<ServiceConsumer> users;
    users.reserve(services.size());
    for (const model::Service* const service : services) {
      users.push_back({service->key, termsOf(*service)});
    }
    // Whoever wants another key by now has shared under that of the others.
    const std::string& key = ipObject.spec.shareKey;
    const bool shared = std::any_of(users.begin(), users.end(), [&](const ServiceConsumer& user) {
      return user.terms.key == key;
    });
    for (ServiceConsumer& user : users) {
      if (shared && users.size() > 1) user.terms.key = key;
    }
    return users;
  }

  [[nodiscard]] static bool shows(const model::Service& service, const IpAddress& address) {
    const auto shown = shownBy(service);
    return std::find(shown.begin(), shown.end(), address) != shown.end();
  }

  // Where there is a record, what a status shows besides was edited by hand. Of two that show one
  // address the older had it first: the other one was restored from a backup, or copied.
  template <class Selects>
  void restoreShown(const Selects& selects) {
    for (const model::Service* const service : byAge_) {
      if (!isOurs(*service)) continue;
      for (const IpAddress& address : givenBy(*service)) {
        if (!selects(*service, address.family()) || allocations(service->key, address.family()))
          continue;
        allocator_.restore({service->key, termsOf(*service), giverOf(*service, address)}, address,
                           Evidence::kRecorded);
      }
    }
  }

  [[nodiscard]] bool allocations(const kube::ObjectKey& service, Family family) const {
    const auto& held = allocator_.allocations().ofService(service);
    return std::any_of(held.begin(), held.end(),
                       [&](const IpAddress& address) { return address.family() == family; });
  }

  // Of an address without a record. The Pool that the Service asks for now may be another one than
  // it asked for then: it gave the address unless it is another one that has it.
  [[nodiscard]] std::string giverOf(const model::Service& service, const IpAddress& address) const {
    const std::string asked = requestedPool(service);
    const PoolState* const named = allocator_.pools().find(asked);
    const bool may = named == nullptr || named->space.addresses().contains(address);
    if (!asked.empty() && may) return asked;
    const PoolState* const pool = allocator_.pools().having(address);
    return pool == nullptr ? asked : pool->plan.name;
  }

  // What a Service of another class shows is that one's.
  std::vector<const model::Service*> adoptShown() {
    std::set<IpAddress> others;
    for (const auto& [key, service] : services_) {
      if (isOurs(*service)) continue;
      for (const IpAddress& address : shownBy(*service)) others.insert(address);
    }
    std::vector<const model::Service*> adopted;
    for (const model::Service* const service : byAge_) {
      if (!isOurs(*service) || service->deleting || !isForeign(*service)) continue;
      const auto shown = shownBy(*service);
      const bool taken = std::any_of(shown.begin(), shown.end(),
                                     [&](const auto& each) { return others.contains(each); });
      if (!taken && adopt(allocator_, *service)) adopted.push_back(service);
    }
    return adopted;
  }

  // Another one had the address when somebody led last, and released it since: when, nobody knows.
  // Who may not have it keeps it from nobody.
  [[nodiscard]] bool restsFor(const model::IpObject& ipObject, const Reservation& reservation) {
    return ipObject.status.phase == "Conflict" &&
           chooseReservation(allocator_.pools(), allocator_.allocations(), reservation) &&
           allocator_.restForNobody(*reservation.address);
  }

  void reserve(const model::IpObject& ipObject) {
    const auto ns = snapshot_.namespaceOf(ipObject.key.ns);
    const auto reservation = reservationOf(ipObject, ns.get());
    if (!reservation || restsFor(ipObject, *reservation)) return;
    (void)allocator_.reserve(*reservation, [&](const kube::ObjectKey& key) {
      const model::Service* const service = find(key);
      return service != nullptr && namesIpObject(*service, ipObject.key.name);
    });
  }

  [[nodiscard]] bool isForeign(const model::Service& service) const {
    return showsForeign(service, !allocator_.allocations().ofService(service.key).empty());
  }

  void noteForeign(const model::Service& service) {
    const bool served = isOurs(service) && !isForeign(service);
    allocator_.setForeign(
        service.key, served ? shownBesides(service, allocator_.allocations()) : shownBy(service));
  }

  Allocator& allocator_;
  const Snapshot& snapshot_;
  const RestoreRules rules_;
  Services services_;
  std::vector<const model::Service*> byAge_;
  std::multimap<kube::ObjectKey, const model::Service*> namers_;    ///< by IP object
  std::multimap<kube::ObjectKey, const model::IpObject*> records_;  ///< by Service
  std::vector<const model::IpObject*> ipObjects_;
  std::set<std::pair<kube::ObjectKey, IpAddress>> users_;  ///< Services of reservations
  /// How many Services have an address by share key, as their IP objects say, or they themselves
  /// where the IP object was deleted.
  std::map<std::pair<std::string, std::string>, int> consumers_;
};

}  // namespace

std::vector<const model::Service*> restore(Allocator& allocator, const Snapshot& snapshot,
                                           const RestoreRules& rules) {
  return Restore(allocator, snapshot, rules).run();
}

}  // namespace barevip::assigner
