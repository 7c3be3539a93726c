// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/desired_vips.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <utility>

#include "ipvsnode/cluster/changes.h"
#include "ipvsnode/desired/machines.h"
#include "ipvsnode/desired/source_ranges.h"

namespace barevip::node {
namespace {

std::set<IpAddress> addressesShownBy(const model::Service& service) {
  std::set<IpAddress> result;
  for (const model::LoadBalancerIngress& entry : service.ingress) {
    if (const auto address = IpAddress::parse(entry.ip)) result.insert(*address);
  }
  return result;
}

/// The keys of what is in one of two maps alone, or not the same in both.
template <class T>
void addDifferent(const std::map<IpAddress, T>& a, const std::map<IpAddress, T>& b,
                  std::set<IpAddress>& keys) {
  std::vector<std::pair<IpAddress, T>> different;
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::back_inserter(different));
  for (const auto& [key, value] : different) keys.insert(key);
}

void addDifferent(const std::set<IpAddress>& a, const std::set<IpAddress>& b,
                  std::set<IpAddress>& keys) {
  std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(),
                                std::inserter(keys, keys.end()));
}

bool hasRanges(const DesiredVip& vip) {
  return std::any_of(vip.vipPorts.begin(), vip.vipPorts.end(),
                     [](const VipPort& vipPort) { return !vipPort.service->sourceRanges.empty(); });
}

void put(std::set<IpAddress>& set, const IpAddress& address, bool in) {
  if (in) {
    set.insert(address);
  } else {
    set.erase(address);
  }
}

bool servesTheSame(const DesiredVip& a, const DesiredVip& b) {
  return a.served.services == b.served.services &&
         std::equal(a.vipPorts.begin(), a.vipPorts.end(), b.vipPorts.begin(), b.vipPorts.end(),
                    [](const VipPort& one, const VipPort& other) {
                      return one.key == other.key && one.service == other.service;
                    });
}

/// The packet filter treats both the same.
bool filteredAlike(const DesiredVip& a, const DesiredVip& b) {
  return a.keepClient == b.keepClient &&
         std::equal(a.vipPorts.begin(), a.vipPorts.end(), b.vipPorts.begin(), b.vipPorts.end(),
                    [](const VipPort& one, const VipPort& other) { return one.key == other.key; });
}

}  // namespace

/// One call of follow().
class DesiredVips::Follower {
 public:
  explicit Follower(DesiredVips& all) : all_(all) {}

  std::set<IpAddress> run(ClusterState next, LocalFacts local) && {
    followServices(next);
    followSlices(next);
    followIpObjects(next);
    followMachines(next);
    followPools(next);
    all_.cluster_ = std::move(next);
    followLocal(std::move(local));
    if (others_) touched_.insert(all_.byHand_.begin(), all_.byHand_.end());

    for (const IpAddress& vip : touched_) choose(vip);
    touchThoseThatLeadToVips();
    compute();
    recheckUnreadable();
    if (externalChanged_ || !touched_.empty()) all_.checkExternalIps();
    std::set<IpAddress> guards = all_.guard(touched_);
    touched_.merge(guards);
    return std::move(touched_);
  }

 private:
  void followServices(const ClusterState& next) {
    forEachChange(all_.cluster_.services, next.services,
                  [&](const auto& before, const auto& after) {
                    const bool same = before && after && *before == *after;
                    for (const auto& service : {before, after}) {
                      others_ = others_ || (!same && service && decidesByHand(*service));
                    }
                    if (before) unlist(before);
                    if (after) list(after);
                  });
  }

  void unlist(const std::shared_ptr<const model::Service>& service) {
    for (const IpAddress& address : addressesShownBy(*service)) {
      const auto showing = all_.showing_.find(address);
      std::erase(showing->second, service);
      if (showing->second.empty()) all_.showing_.erase(showing);
      touched_.insert(address);
    }
    if (!service->ingress.empty()) all_.shown_.erase(service);
    if (!service->externalIps.empty()) {
      all_.external_.erase(service);
      externalChanged_ = true;
    }
    recheck_.insert(service->key);
  }

  void list(const std::shared_ptr<const model::Service>& service) {
    for (const IpAddress& address : addressesShownBy(*service)) {
      all_.showing_[address].push_back(service);
      touched_.insert(address);
    }
    if (!service->externalIps.empty()) {
      kube::putInto(all_.external_, service);
      externalChanged_ = true;
    }
    if (service->ingress.empty()) return;
    kube::putInto(all_.shown_, service);
    recheck_.insert(service->key);
  }

  void followSlices(const ClusterState& next) {
    forEachChange(all_.cluster_.slices, next.slices, [&](const auto& before, const auto& after) {
      if (before) all_.endpoints_.remove(*before);
      if (after) all_.endpoints_.add(*after);
      if (before && after && *before == *after) return;
      for (const auto& slice : {before, after}) {
        if (!slice) continue;
        others_ = others_ || decidesByHand(*slice);
        touchService({slice->key.ns, slice->serviceName});
        machinesMayDiffer_ = machinesMayDiffer_ || slice->key == apiServersSlice();
      }
    });
  }

  void followIpObjects(const ClusterState& next) {
    forEachChange(all_.cluster_.ipObjects, next.ipObjects,
                  [&](const auto& before, const auto& after) {
                    const auto was = before ? all_.ipObjects_.remove(before) : std::nullopt;
                    const auto is = after ? all_.ipObjects_.add(after) : std::nullopt;
                    for (const auto& address : {was, is}) {
                      if (address) touchSharers(*address);
                    }
                  });
  }

  void followMachines(const ClusterState& next) {
    forEachChange(all_.cluster_.nodes, next.nodes, [&](const auto& before, const auto& after) {
      if (!before || !after || !(*before == *after)) machinesMayDiffer_ = true;
    });
    if (!machinesMayDiffer_) return;
    auto machines = machineAddresses(next);
    if (machines == all_.machines_) return;
    addDifferent(machines, all_.machines_, touched_);
    all_.machines_ = std::move(machines);
    others_ = true;
  }

  void followPools(const ClusterState& next) {
    if (all_.options_.bindInterfaces.size() == 1) return;
    std::set<std::string> others;  // announced on other interfaces than before, perhaps
    forEachChange(all_.cluster_.pools, next.pools, [&](const auto& before, const auto& after) {
      const bool same =
          before && after && before->announce.interfaces == after->announce.interfaces;
      if (!same) others.insert((after ? after : before)->key.name.str());
    });
    if (others.empty()) return;
    for (const auto& [address, vip] : all_.all_) {
      const auto& records = vip.served.ipObjects;
      const bool concerned = std::any_of(records.begin(), records.end(), [&](const auto& ipObject) {
        return others.contains(ipObject->status.pool);
      });
      if (concerned) touched_.insert(address);
    }
  }

  void followLocal(LocalFacts local) {
    const LocalFacts before = std::exchange(all_.local_, std::move(local));
    addDifferent(before.held, all_.local_.held, touched_);
    addDifferent(before.gateways, all_.local_.gateways, touched_);
    if (before.missingSchedulers == all_.local_.missingSchedulers &&
        before.interfaces == all_.local_.interfaces) {
      return;
    }
    for (const auto& [address, services] : all_.showing_) touched_.insert(address);
  }

  // Whether endpoints that were written by hand may lead where they do follows from these, too.
  [[nodiscard]] bool decidesByHand(const model::EndpointSlice& slice) const {
    if (all_.ledByHand_.empty()) return false;
    return std::any_of(slice.endpoints.begin(), slice.endpoints.end(), [&](const auto& endpoint) {
      return std::any_of(
          endpoint.addresses.begin(), endpoint.addresses.end(),
          [&](const IpAddress& address) { return all_.ledByHand_.contains(address); });
    });
  }

  [[nodiscard]] bool decidesByHand(const model::Service& service) const {
    if (all_.ledByHand_.empty()) return false;
    const auto slices = all_.endpoints_.of(service.key);
    return std::any_of(
               service.clusterIps.begin(), service.clusterIps.end(),
               [&](const IpAddress& address) { return all_.ledByHand_.contains(address); }) ||
           std::any_of(slices.begin(), slices.end(),
                       [&](const auto* slice) { return decidesByHand(*slice); });
  }

  void touchService(const kube::ObjectKey& key) {
    const auto service = all_.shown_.find(key);
    if (service == all_.shown_.end()) return;
    touched_.merge(addressesShownBy(**service));
  }

  // Whether a Service is ours may follow from the record of any of its addresses.
  void touchSharers(const IpAddress& address) {
    touched_.insert(address);
    const auto showing = all_.showing_.find(address);
    if (showing == all_.showing_.end()) return;
    for (const auto& service : showing->second) {
      touched_.merge(addressesShownBy(*service));
      recheck_.insert(service->key);
    }
  }

  [[nodiscard]] VipPortChoice choice() const {
    return {all_.ipObjects_, all_.machines_, all_.options_.classes};
  }

  void choose(const IpAddress& vip) {
    const auto showing = all_.showing_.find(vip);
    VipPorts& chosen = chosen_[vip];
    if (showing != all_.showing_.end()) chosen = choice().of(vip, showing->second);
    const bool isVip = !chosen.all.empty();
    if (isVip == all_.vips_.contains(vip)) return;
    if (isVip) {
      all_.vips_.insert(vip);
    } else {
      all_.vips_.erase(vip);
    }
    cameOrWent_.insert(vip);
  }

  // What is a VIP is no endpoint.
  void touchThoseThatLeadToVips() {
    if (cameOrWent_.empty()) return;
    const std::set<IpAddress> before = touched_;
    for (const auto& slice : all_.cluster_.slices) {
      const bool leads = std::any_of(
          slice->endpoints.begin(), slice->endpoints.end(), [&](const model::Endpoint& endpoint) {
            return std::any_of(endpoint.addresses.begin(), endpoint.addresses.end(),
                               [&](const auto& address) { return cameOrWent_.contains(address); });
          });
      if (leads) touchService({slice->key.ns, slice->serviceName});
    }
    for (const IpAddress& vip : touched_) {
      if (!before.contains(vip)) choose(vip);
    }
  }

  void compute() {
    EndpointAdmission admission(all_.cluster_, all_.vips_, all_.options_.trustEndpointsOf);
    const PoolsByName pools = byName(all_.cluster_.pools);
    const VipSources sources{all_.options_,   all_.local_, all_.endpoints_,
                             all_.ipObjects_, admission,   pools};
    const auto isByHand = [&](const auto& one) { return all_.byHand_.contains(one.first); };
    const bool wereByHand = std::any_of(chosen_.begin(), chosen_.end(), isByHand);
    for (auto& [vip, vipPorts] : chosen_) {
      if (all_.leadNowhere_.erase(vip) != 0) ++all_.problemsRevision_;
      if (!vipPorts.all.empty()) {
        all_.replace(vip, computeVip(vipPorts, sources));
        continue;
      }
      all_.erase(vip);
      if (vipPorts.problems.empty()) continue;
      all_.leadNowhere_[vip] = std::move(vipPorts.problems);
      ++all_.problemsRevision_;
    }
    if (wereByHand || std::any_of(chosen_.begin(), chosen_.end(), isByHand)) all_.noteLedByHand();
  }

  void recheckUnreadable() {
    for (const kube::ObjectKey& key : recheck_) {
      if (all_.unreadable_.erase(key) != 0) ++all_.problemsRevision_;
      const auto service = all_.shown_.find(key);
      if (service == all_.shown_.end()) continue;
      auto problems = choice().unreadable(**service);
      if (problems.empty()) continue;
      all_.unreadable_[key] = std::move(problems);
      ++all_.problemsRevision_;
    }
  }

  DesiredVips& all_;
  std::set<IpAddress> touched_;
  std::set<kube::ObjectKey> recheck_;  ///< Services
  bool machinesMayDiffer_ = false;
  /// Something changed that decides whether endpoints written by hand are admitted.
  bool others_ = false;
  bool externalChanged_ = false;
  std::map<IpAddress, VipPorts> chosen_;
  std::set<IpAddress> cameOrWent_;
};

DesiredVips::DesiredVips(DesiredOptions options) : options_(std::move(options)) {}

std::set<IpAddress> DesiredVips::follow(ClusterState cluster, LocalFacts local) {
  std::set<IpAddress> touched = Follower(*this).run(std::move(cluster), std::move(local));
  if (filterStale_) buildFilter();
  return touched;
}

std::set<IpAddress> DesiredVips::holdBack(std::set<IpAddress> vips,
                                          const std::set<net::NetObject>& there) {
  std::erase_if(vips, [&](const IpAddress& vip) {
    const auto items = itemsOf(vip, options_.placement).node;
    return std::any_of(items.begin(), items.end(),
                       [&](const net::NetObject& item) { return there.contains(item); });
  });
  std::set<IpAddress> changed;
  addDifferent(heldBack_, vips, changed);
  if (changed.empty()) return changed;
  heldBack_ = std::move(vips);
  buildFilter();
  return changed;
}

std::vector<Problem> DesiredVips::problems() const {
  std::vector<Problem> result = guardProblems_;
  const auto add = [&](const std::vector<Problem>& some) {
    result.insert(result.end(), some.begin(), some.end());
  };
  for (const auto& [address, vip] : all_) add(vip.problems);
  for (const auto& [address, problems] : leadNowhere_) add(problems);
  for (const auto& [service, problems] : unreadable_) add(problems);
  add(externalProblems_);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

DesiredVips::Totals DesiredVips::totals() const {
  Totals result = totals_;
  for (const IpAddress& address : heldBack_) {
    const auto vip = all_.find(address);
    if (vip == all_.end()) continue;
    for (const ipvs::VirtualServer& server : vip->second.virtualServers) {
      --result.virtualServers;
      result.realServers -= server.realServers.size();
    }
  }
  return result;
}

DesiredState DesiredVips::ofNone() const {
  DesiredState state;
  state.timeouts = options_.timeouts;
  state.filter = filter_;
  return state;
}

DesiredState DesiredVips::of(const std::set<IpAddress>& vips) const {
  DesiredState state = ofNone();
  for (const IpAddress& address : vips) {
    if (const auto vip = all_.find(address); vip != all_.end()) add(vip->second, state);
  }
  return state;
}

DesiredState DesiredVips::ofAll() const {
  DesiredState state = ofNone();
  addPlumbing(state);
  for (const auto& [address, vip] : all_) add(vip, state);
  return state;
}

DesiredState DesiredVips::whole() const {
  DesiredState state = ofAll();
  state.problems = problems();
  for (const auto& [address, vip] : all_) {
    state.vips.push_back(vip.served);
    state.vipPorts.insert(state.vipPorts.end(), vip.vipPorts.begin(), vip.vipPorts.end());
  }
  return state;
}

void DesiredVips::add(const DesiredVip& vip, DesiredState& state) const {
  if (!isLedByIpvs(vip)) return;
  state.virtualServers.insert(state.virtualServers.end(), vip.virtualServers.begin(),
                              vip.virtualServers.end());
  const IpAddress& address = vip.served.address;
  VipObjects items = itemsOf(address, options_.placement);
  for (net::NetObject& item : items.node) state.nodeObjects.emplace(std::move(item), address);
  for (net::NetObject& item : items.director)
    state.balancerObjects.emplace(std::move(item), address);
}

// There whether or not a VIP is: rules that lead nowhere fall through.
void DesiredVips::addPlumbing(DesiredState& state) const {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    if (family == Family::kIpv6 && !options_.ipv6) continue;
    addWaysBack(family, state);
    if (options_.placement != Placement::kDirector) continue;
    const bool is4 = family == Family::kIpv4;
    const auto want = [&](net::NetObject item) {
      state.nodeObjects.emplace(std::move(item), Beneficiary(family));
    };
    want(net::Rule{family, net::kReturnRulePriority, net::kReturnTable, "", net::kReturnMark,
                   net::kMarkMask});
    for (const std::string& device : options_.bindInterfaces) {
      want(net::Rule{family, net::kOutsideRulePriority, net::kOutsideTable, device, 0, 0});
    }
    want(net::Route{IpPrefix{IpAddress::fromNumber(family, 0), 0}, net::kReturnTable,
                    is4 ? net::kOutside.director4 : net::kOutside.director6,
                    net::kOutside.nodeDevice});
  }
}

// Replies leave by the interface that their request came in by, also where the default route of the
// node leads elsewhere.
void DesiredVips::addWaysBack(Family family, DesiredState& state) const {
  const auto& names = options_.bindInterfaces;
  if (names.size() == 1) return;
  for (const net::BindInterface& one : local_.interfaces) {
    const auto gateway =
        std::find_if(one.gateways.begin(), one.gateways.end(),
                     [family](const IpAddress& each) { return each.family() == family; });
    const auto name = std::find(names.begin(), names.end(), one.name);
    if (gateway == one.gateways.end() || name == names.end()) continue;
    const auto index = static_cast<std::size_t>(name - names.begin());
    const auto rule = [&](std::uint32_t priority, std::uint32_t table) {
      return net::Rule{family, priority, table, "", net::entryMark(index), net::kMarkMask};
    };
    net::Rule toKnown = rule(net::kEntryRulePriority, net::kMainTable);
    toKnown.withoutDefault = true;
    for (const net::NetObject& item : std::initializer_list<net::NetObject>{
             toKnown, rule(net::kEntryDefaultPriority, net::entryTable(index)),
             net::Route{IpPrefix{IpAddress::fromNumber(family, 0), 0}, net::entryTable(index),
                        *gateway, one.name}}) {
      state.nodeObjects.emplace(item, Beneficiary(family));
    }
  }
}

void DesiredVips::replace(const IpAddress& address, DesiredVip vip) {
  put(unserved_, address, !vip.served.servedHere);
  put(byHand_, address, vip.byHand);
  count(vip, true);
  const auto [there, isNew] = all_.try_emplace(address);
  if (!isNew) count(there->second, false);
  filterStale_ = filterStale_ || isNew || !filteredAlike(there->second, vip);
  if (!servesTheSame(there->second, vip)) ++vipPortsRevision_;
  if (there->second.problems != vip.problems) ++problemsRevision_;
  there->second = std::move(vip);
}

void DesiredVips::erase(const IpAddress& address) {
  const auto there = all_.find(address);
  if (there == all_.end()) return;
  count(there->second, false);
  unserved_.erase(address);
  byHand_.erase(address);
  all_.erase(there);
  filterStale_ = true;
  ++vipPortsRevision_;
  ++problemsRevision_;
}

void DesiredVips::count(const DesiredVip& vip, bool comes) {
  const auto add = [comes](std::size_t& sum, std::size_t number) {
    sum = comes ? sum + number : sum - number;
  };
  if (vip.served.servedHere) add(totals_.servedVips, 1);
  add(totals_.virtualServers, vip.virtualServers.size());
  for (const ipvs::VirtualServer& server : vip.virtualServers) {
    add(totals_.realServers, server.realServers.size());
  }
}

std::set<IpAddress> DesiredVips::guard(const std::set<IpAddress>& touched) {
  bool concerned = false;
  for (const IpAddress& address : touched) {
    const auto vip = all_.find(address);
    const bool isGuarded = vip != all_.end() && hasRanges(vip->second);
    concerned = concerned || isGuarded || guarded_.contains(address);
    put(guarded_, address, isGuarded);
  }
  std::set<IpAddress> changed;
  if (!concerned) return changed;
  std::vector<VipPort> vipPorts;
  for (const IpAddress& address : guarded_) {
    const auto& some = all_.at(address).vipPorts;
    vipPorts.insert(vipPorts.end(), some.begin(), some.end());
  }
  SourceGuards next = guardSources(vipPorts);
  const auto addMissing = [&changed](const auto& from, const auto& in) {
    for (const net::SourceRanges& one : from) {
      const auto* const same = findRanges(in, one.virtualServer);
      if (same == nullptr || *same != one) changed.insert(one.virtualServer.vip);
    }
  };
  addMissing(guards_, next.guards);
  addMissing(next.guards, guards_);
  filterStale_ = filterStale_ || !changed.empty();
  guards_ = std::move(next.guards);
  if (guardProblems_ != next.problems) ++problemsRevision_;
  guardProblems_ = std::move(next.problems);
  return changed;
}

void DesiredVips::noteLedByHand() {
  ledByHand_.clear();
  for (const IpAddress& vip : byHand_) {
    for (const auto& service : all_.at(vip).served.services) {
      for (const auto* slice : endpoints_.of(service->key)) {
        if (EndpointAdmission::isDerived(*service, *slice)) continue;
        for (const model::Endpoint& endpoint : slice->endpoints) {
          ledByHand_.insert(endpoint.addresses.begin(), endpoint.addresses.end());
        }
      }
    }
  }
}

// One problem of a Service, however many it names.
void DesiredVips::checkExternalIps() {
  std::vector<Problem> problems;
  const auto isOthers = [this](const IpAddress& vip, const model::Service& service) {
    const auto& services = all_.at(vip).served.services;
    return std::none_of(services.begin(), services.end(),
                        [&](const auto& one) { return one->key == service.key; });
  };
  const auto firstOfOthers = [&](const model::Service& service) -> std::optional<IpAddress> {
    for (const IpRange& range : service.externalIps) {
      for (auto vip = vips_.lower_bound(range.first); vip != vips_.end() && *vip <= range.last;
           ++vip) {
        if (isOthers(*vip, service)) return *vip;
      }
    }
    return std::nullopt;
  };
  for (const auto& service : external_) {
    const auto vip = firstOfOthers(*service);
    if (!vip) continue;
    problems.push_back({service->key, *vip, "ExternalIPRefused",
                        "spec.externalIPs names " + vip->toString() +
                            ", the VIP of another Service, whose packets this Service does not "
                            "get: remove it there. Beside kube-proxy in ipvs mode, or without "
                            "endpoints, it keeps packets from the other Service"});
  }
  if (problems == externalProblems_) return;
  externalProblems_ = std::move(problems);
  ++problemsRevision_;
}

void DesiredVips::buildFilter() {
  filterStale_ = false;
  filter_ = {};
  for (const auto& [address, vip] : all_) {
    if (!isLedByIpvs(vip)) continue;
    filter_.vips.push_back(address);
    for (const VipPort& vipPort : vip.vipPorts) filter_.virtualServers.push_back(vipPort.key);
    filter_.keepClient.insert(filter_.keepClient.end(), vip.keepClient.begin(),
                              vip.keepClient.end());
  }
  std::copy_if(guards_.begin(), guards_.end(), std::back_inserter(filter_.sourceRanges),
               [&](const auto& guard) { return !heldBack_.contains(guard.virtualServer.vip); });
}

bool DesiredVips::isLedByIpvs(const DesiredVip& vip) const {
  return !vip.vipPorts.empty() && !heldBack_.contains(vip.served.address);
}

}  // namespace barevip::node
