// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/frontends.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "barevip/net/data_path.h"

#include "ipvsnode/desired/forwarding.h"
#include "ipvsnode/desired/machines.h"

namespace barevip::node {
namespace {

// What another controller wrote before there were modes, or for itself, has none.
bool isMode(const std::string& ipMode) {
  return ipMode == model::kIpModeProxy || ipMode == model::kIpModeVip;
}

bool saysAssigned(const model::Service& service) {
  const model::Condition* condition = model::findCondition(service.conditions, kAddressAssigned);
  return condition != nullptr && condition->status == "True";
}

// Other flags release nothing: what a bound IP object records for the class that the Service still
// has is served on. A reservation records no class, and names its users.
bool wasServed(const model::Service& service, const BoundClaims& claims) {
  if (!service.isLoadBalancer()) return false;
  return std::any_of(service.ingress.begin(), service.ingress.end(), [&](const auto& entry) {
    const auto vip = IpAddress::parse(entry.ip);
    const auto records = vip ? claims.of(service, *vip) : std::vector<BoundClaims::ClaimPtr>{};
    return std::any_of(records.begin(), records.end(), [&](const auto& record) {
      return !record->serviceOwner || record->servedClass == model::recordedClass(service);
    });
  });
}

class Selector {
 public:
  Selector(const ClusterState& cluster, const BoundClaims& claims)
      : claims_(claims), machines_(machineAddresses(cluster)) {}

  /// Of two Services with one port the first that is taken has it, unless the records say else.
  void take(const std::shared_ptr<const model::Service>& service) {
    const bool assigned = saysAssigned(*service);
    for (const model::LoadBalancerIngress& ingress : service->ingress) {
      if (!isMode(ingress.ipMode) || ingress.ip.empty()) continue;
      const auto vip = IpAddress::parse(ingress.ip);
      if (!assigned && (!vip || claims_.of(*service, *vip).empty())) continue;
      if (!vip) {
        problems_.push_back({service->key, std::nullopt, "InvalidAddress",
                             "status.loadBalancer.ingress: " + vip.error().message});
      } else if (mayServe(*service, *vip) && mayForward(*service, *vip, ingress.ipMode)) {
        takePorts(service, *vip);
      }
    }
  }

  Frontends finish() && {
    dropOthersWay();
    Frontends result;
    result.all.reserve(taken_.size());
    std::stable_sort(taken_.begin(), taken_.end(),
                     [](const Frontend& a, const Frontend& b) { return a.key < b.key; });
    for (auto from = taken_.begin(); from != taken_.end();) {
      const auto to = std::find_if(from, taken_.end(),
                                   [&](const Frontend& other) { return other.key != from->key; });
      result.all.push_back(settle({from, to}));
      from = to;
    }
    std::sort(problems_.begin(), problems_.end());
    problems_.erase(std::unique(problems_.begin(), problems_.end()), problems_.end());
    result.problems = std::move(problems_);
    return result;
  }

 private:
  bool mayServe(const model::Service& service, const IpAddress& vip) {
    if (!isRoutableUnicast(vip)) {
      problems_.push_back(
          {service.key, vip, "InvalidAddress",
           vip.toString() + " cannot be served: it is not a unicast address that others can reach; "
                            "take it out of the pool"});
      return false;
    }
    if (const auto machine = machines_.find(vip); machine != machines_.end()) {
      problems_.push_back(
          {service.key, vip, "AddressInUse",
           vip.toString() + " is " + machine->second + ": take it out of the pool"});
      return false;
    }
    return true;
  }

  bool mayForward(const model::Service& service, const IpAddress& vip, const std::string& ipMode) {
    auto refusal = refusalToForward(service, vip, ipMode);
    if (!refusal) return true;
    problems_.push_back(
        {service.key, vip, std::move(refusal->reason), std::move(refusal->message)});
    return false;
  }

  // Of each VIP those who differ from the one that decides where it leads.
  void dropOthersWay() {
    std::map<IpAddress, const model::Service*> decides;
    for (const Frontend& one : taken_) {
      const auto [at, isNew] = decides.emplace(one.key.vip, one.service.get());
      if (!isNew && !saysAssigned(*at->second) && saysAssigned(*one.service)) {
        at->second = one.service.get();
      }
    }
    std::erase_if(taken_, [&](const Frontend& one) {
      const model::Service& decider = *decides.at(one.key.vip);
      if (isByKubeProxy(decider) == isByKubeProxy(*one.service)) return false;
      problems_.push_back({one.service->key, one.key.vip, model::kForwardingRefused,
                           one.key.vip.toString() +
                               " is shared, and kube-proxy forwards one of its Services and IPVS "
                               "another; write the same annotation " +
                               std::string(model::kForwardAnnotation) + " for all of them"});
      return true;
    });
  }

  void takePorts(const std::shared_ptr<const model::Service>& service, const IpAddress& vip) {
    const auto& ports = service->ports;
    if (ports.size() > kMaxPorts) {
      problems_.push_back({service->key, vip, "TooManyPorts",
                           "only the first " + std::to_string(kMaxPorts) + " of " +
                               std::to_string(ports.size()) +
                               " ports are served: split the Service"});
    }
    for (const model::ServicePort& port :
         std::span(ports).first(std::min(ports.size(), kMaxPorts))) {
      if (port.port == 0) continue;
      taken_.push_back({{vip, port.port, port.protocol}, service, port});
    }
  }

  // All of one key.
  Frontend settle(std::span<Frontend> rivals) {
    Frontend* winner = &rivals.front();
    if (rivals.size() == 1) return std::move(*winner);
    const auto granted = std::find_if(rivals.begin(), rivals.end(), [&](const Frontend& one) {
      return claims_.grant(*one.service, one.key);
    });
    if (granted != rivals.end()) winner = &*granted;
    for (const Frontend& one : rivals) {
      if (one.service->key == winner->service->key) continue;
      // A tenant is not told who else is there.
      const kube::ObjectKey& other = winner->service->key;
      const std::string name = other.ns == one.service->key.ns ? "Service " + other.toString()
                                                               : "a Service of another namespace";
      problems_.push_back({one.service->key, one.key.vip, "AddressConflict",
                           one.key.vip.toString() + " port " + std::to_string(one.key.port) + "/" +
                               std::string(model::toString(one.key.protocol)) + " is served for " +
                               name + ": give one of the two another port or another address"});
    }
    return std::move(*winner);
  }

  const BoundClaims& claims_;
  std::map<IpAddress, std::string> machines_;
  std::vector<Frontend> taken_;
  std::vector<Problem> problems_;
};

}  // namespace

bool isRoutableUnicast(const IpAddress& address) {
  if (address.isUnspecified() || address.isLoopback() || address.isMulticast() ||
      address.isLinkLocal()) {
    return false;
  }
  if (address.isIpv4()) {
    const bool thisNetwork = (address.number() >> 24U) == 0;
    const bool broadcast = address.number() == 0xffffffffU;
    return !thisNetwork && !broadcast;
  }
  return address.number() >> 64U != net::pairAddress6(0).number() >> 64U;
}

Frontends selectFrontends(const ClusterState& cluster, const BoundClaims& claims,
                          const model::ClassRules& classes) {
  std::vector<std::shared_ptr<const model::Service>> ours;
  for (const auto& service : cluster.services) {
    if (classes.serve(*service) || wasServed(*service, claims)) ours.push_back(service);
  }
  std::sort(ours.begin(), ours.end(), [](const auto& a, const auto& b) {
    return std::tie(a->deleting, a->key) < std::tie(b->deleting, b->key);
  });
  Selector selector(cluster, claims);
  for (const auto& service : ours) selector.take(service);
  return std::move(selector).finish();
}

}  // namespace barevip::node
