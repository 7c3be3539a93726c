// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/frontends.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "ipvsnode/host/layout.h"

namespace barevip::node {
namespace {

constexpr const char* kProxyMode = "Proxy";

std::map<IpAddress, std::string> nodeAddresses(const ClusterState& cluster) {
  std::map<IpAddress, std::string> result;
  for (const auto& node : cluster.nodes) {
    for (const IpAddress& address : node->internalIps) result.emplace(address, node->key.name);
  }
  return result;
}

class Selector {
 public:
  Selector(const ClusterState& cluster, const std::map<IpAddress, std::string>& held)
      : held_(held), nodes_(nodeAddresses(cluster)) {}

  void take(const std::shared_ptr<const model::Service>& service) {
    const model::Condition* condition = model::findCondition(service->conditions, kAddressAssigned);
    if (condition == nullptr || condition->status != "True") return;
    for (const model::LoadBalancerIngress& ingress : service->ingress) {
      if (ingress.ipMode != kProxyMode || ingress.ip.empty()) continue;
      if (const auto vip = checked(*service, ingress.ip)) takePorts(service, *vip);
    }
  }

  Frontends finish() && {
    Frontends result;
    result.all.reserve(byKey_.size());
    for (auto& [key, frontend] : byKey_) result.all.push_back(std::move(frontend));
    std::sort(problems_.begin(), problems_.end());
    problems_.erase(std::unique(problems_.begin(), problems_.end()), problems_.end());
    result.problems = std::move(problems_);
    return result;
  }

 private:
  std::optional<IpAddress> checked(const model::Service& service, const std::string& text) {
    const auto vip = IpAddress::parse(text);
    if (!vip) {
      problems_.push_back({service.key, std::nullopt, "InvalidAddress",
                           "status.loadBalancer.ingress: " + vip.error().message});
      return std::nullopt;
    }
    if (!isRoutableUnicast(*vip)) {
      problems_.push_back({service.key, *vip, "InvalidAddress",
                           vip->toString() +
                               " cannot be served: it is no unicast address that others can reach; "
                               "take it out of the pool"});
      return std::nullopt;
    }
    if (const auto node = nodes_.find(*vip); node != nodes_.end()) {
      problems_.push_back({service.key, *vip, "AddressInUse",
                           vip->toString() + " is the address of node " + node->second +
                               ": take it out of the pool"});
      return std::nullopt;
    }
    if (const auto holder = held_.find(*vip); holder != held_.end()) {
      problems_.push_back({service.key, *vip, "AddressInUse",
                           vip->toString() + " is held on this node by " + holder->second +
                               ", which barevip did not make: remove it or take the address out of "
                               "the pool"});
      return std::nullopt;
    }
    return *vip;
  }

  void takePorts(const std::shared_ptr<const model::Service>& service, const IpAddress& vip) {
    for (const model::ServicePort& port : service->ports) {
      if (port.port == 0) continue;
      const ipvs::VirtualServerKey key{vip, port.port, port.protocol};
      const auto [there, isNew] = byKey_.try_emplace(key, Frontend{key, service, port});
      if (isNew || there->second.service->key == service->key) continue;
      problems_.push_back({service->key, vip, "AddressConflict",
                           vip.toString() + " port " + std::to_string(port.port) + "/" +
                               std::string(model::toString(port.protocol)) +
                               " is served for Service " + there->second.service->key.toString() +
                               ": give one of the two another address"});
    }
  }

  const std::map<IpAddress, std::string>& held_;
  std::map<IpAddress, std::string> nodes_;
  std::map<ipvs::VirtualServerKey, Frontend> byKey_;
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
  return address.number() >> 64U != host::pairAddress6(0).number() >> 64U;
}

Frontends selectFrontends(const ClusterState& cluster, const std::map<IpAddress, std::string>& held,
                          bool requireClass) {
  std::vector<std::shared_ptr<const model::Service>> ours;
  for (const auto& service : cluster.services) {
    if (model::isOurs(*service, requireClass)) ours.push_back(service);
  }
  std::sort(ours.begin(), ours.end(), [](const auto& a, const auto& b) {
    return std::tie(a->deleting, a->key) < std::tie(b->deleting, b->key);
  });
  Selector selector(cluster, held);
  for (const auto& service : ours) selector.take(service);
  return std::move(selector).finish();
}

}  // namespace barevip::node
