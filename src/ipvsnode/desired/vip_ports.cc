// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/vip_ports.h"

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "barevip/net/data_path.h"

#include "ipvsnode/desired/forwarding.h"

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

}  // namespace

class VipPortChoice::OfOneVip {
 public:
  OfOneVip(const VipPortChoice& choice, const IpAddress& vip) : choice_(choice), vip_(vip) {}

  /// Of two Services with one port the first that is taken has it, unless the records say else.
  void take(const std::shared_ptr<const model::Service>& service) {
    if (!saysAssigned(*service) && choice_.ipObjects_.of(*service, vip_).empty()) return;
    for (const model::LoadBalancerIngress& ingress : service->ingress) {
      if (!isMode(ingress.ipMode)) continue;
      const auto shown = IpAddress::parse(ingress.ip);
      if (!shown || *shown != vip_) continue;
      if (mayServe(*service) && mayForward(*service, ingress.ipMode)) takePorts(service);
    }
  }

  VipPorts finish() && {
    dropOthersWay();
    VipPorts result;
    result.all.reserve(taken_.size());
    std::stable_sort(taken_.begin(), taken_.end(),
                     [](const VipPort& a, const VipPort& b) { return a.key < b.key; });
    for (auto from = taken_.begin(); from != taken_.end();) {
      const auto to = std::find_if(from, taken_.end(),
                                   [&](const VipPort& other) { return other.key != from->key; });
      result.all.push_back(settle({from, to}));
      from = to;
    }
    result.problems = std::move(problems_);
    return result;
  }

 private:
  void report(const model::Service& service, std::string reason, std::string message) {
    problems_.push_back({service.key, vip_, std::move(reason), std::move(message)});
  }

  bool mayServe(const model::Service& service) {
    if (!isRoutableUnicast(vip_)) {
      report(service, "InvalidAddress",
             vip_.toString() +
                 " cannot be served: it is not a unicast address that others can "
                 "reach; take it out of the pool");
      return false;
    }
    if (const auto machine = choice_.machines_.find(vip_); machine != choice_.machines_.end()) {
      report(service, "AddressInUse",
             vip_.toString() + " is " + machine->second + ": take it out of the pool");
      return false;
    }
    return true;
  }

  bool mayForward(const model::Service& service, const std::string& ipMode) {
    auto refusal = refusalToForward(service, vip_, ipMode);
    if (!refusal) return true;
    report(service, std::move(refusal->reason), std::move(refusal->message));
    return false;
  }

  // Those who differ from the one that decides where the VIP leads.
  void dropOthersWay() {
    if (taken_.empty()) return;
    const auto assigned = std::find_if(taken_.begin(), taken_.end(), [](const VipPort& one) {
      return saysAssigned(*one.service);
    });
    const auto& decider = assigned == taken_.end() ? taken_.front() : *assigned;
    const bool byKubeProxy = isByKubeProxy(*decider.service);
    std::erase_if(taken_, [&](const VipPort& one) {
      if (byKubeProxy == isByKubeProxy(*one.service)) return false;
      report(*one.service, model::kForwardingRefused,
             vip_.toString() +
                 " is shared, and kube-proxy forwards one of its Services and IPVS another; write "
                 "the same annotation " +
                 std::string(model::kForwardAnnotation) + " for all of them");
      return true;
    });
  }

  void takePorts(const std::shared_ptr<const model::Service>& service) {
    const auto& ports = service->ports;
    if (ports.size() > kMaxPorts) {
      report(*service, "TooManyPorts",
             "only the first " + std::to_string(kMaxPorts) + " of " + std::to_string(ports.size()) +
                 " ports are served: split the Service");
    }
    for (const model::ServicePort& port :
         std::span(ports).first(std::min(ports.size(), kMaxPorts))) {
      if (port.port == 0) continue;
      taken_.push_back({{vip_, port.port, port.protocol}, service, port});
    }
  }

  // All of one key.
  VipPort settle(std::span<VipPort> rivals) {
    VipPort* winner = &rivals.front();
    if (rivals.size() == 1) return std::move(*winner);
    const auto granted = std::find_if(rivals.begin(), rivals.end(), [&](const VipPort& one) {
      return choice_.ipObjects_.grant(*one.service, one.key);
    });
    if (granted != rivals.end()) winner = &*granted;
    for (const VipPort& one : rivals) {
      if (one.service->key == winner->service->key) continue;
      // A tenant is not told who else is there.
      const kube::ObjectKey& other = winner->service->key;
      const std::string name = other.ns == one.service->key.ns ? "Service " + other.toString()
                                                               : "a Service of another namespace";
      report(*one.service, "AddressConflict",
             vip_.toString() + " port " + std::to_string(one.key.port) + "/" +
                 std::string(model::toString(one.key.protocol)) + " is served for " + name +
                 ": give one of the two another port or another address");
    }
    return std::move(*winner);
  }

  const VipPortChoice& choice_;
  const IpAddress& vip_;
  std::vector<VipPort> taken_;
  std::vector<Problem> problems_;
};

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

VipPorts VipPortChoice::of(const IpAddress& vip,
                           std::vector<std::shared_ptr<const model::Service>> showing) const {
  std::sort(showing.begin(), showing.end(), [](const auto& a, const auto& b) {
    return std::tie(a->deleting, a->key) < std::tie(b->deleting, b->key);
  });
  OfOneVip chosen(*this, vip);
  for (const auto& service : showing) {
    if (isOurs(*service)) chosen.take(service);
  }
  return std::move(chosen).finish();
}

std::vector<Problem> VipPortChoice::unreadable(const model::Service& service) const {
  std::vector<Problem> problems;
  if (!saysAssigned(service) || !isOurs(service)) return problems;
  for (const model::LoadBalancerIngress& ingress : service.ingress) {
    if (!isMode(ingress.ipMode) || ingress.ip.empty()) continue;
    const auto vip = IpAddress::parse(ingress.ip);
    if (vip) continue;
    problems.push_back({service.key, std::nullopt, "InvalidAddress",
                        "status.loadBalancer.ingress: " + vip.error().message});
  }
  return problems;
}

bool VipPortChoice::isOurs(const model::Service& service) const {
  return classes_.serve(service) || wasServed(service);
}

// Other flags release nothing: what a bound IP object records for the class that the Service still
// has is served on. A reservation records no class, and names its users.
bool VipPortChoice::wasServed(const model::Service& service) const {
  if (!service.isLoadBalancer()) return false;
  return std::any_of(service.ingress.begin(), service.ingress.end(), [&](const auto& entry) {
    const auto vip = IpAddress::parse(entry.ip);
    const auto records = vip ? ipObjects_.of(service, *vip) : std::vector<IpIndex::IpObjectPtr>{};
    return std::any_of(records.begin(), records.end(), [&](const auto& record) {
      return !record->serviceOwner || record->servedClass == model::recordedClass(service);
    });
  });
}

}  // namespace barevip::node
