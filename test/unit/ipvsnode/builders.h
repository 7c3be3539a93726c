// SPDX-License-Identifier: Apache-2.0
// Short ways to write Services, endpoints and the rest of a cluster in tests.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barevip/model/endpoint_slice.h"
#include "barevip/model/service.h"

#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/desired/desired.h"
#include "ipvsnode/desired/machines.h"
#include "ipvsnode/desired/vip_ports.h"

namespace barevip::node::test {

inline IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }

inline ipvs::VirtualServerKey tcp(const std::string& vip, std::uint16_t port) {
  return {ip(vip), port, model::Protocol::kTcp};
}
inline ipvs::VirtualServerKey udp(const std::string& vip, std::uint16_t port) {
  return {ip(vip), port, model::Protocol::kUdp};
}
inline ipvs::RealServerKey real(const std::string& address, std::uint16_t port = 8080) {
  return {ip(address), port};
}

/// A Service "default/NAME" with port 80/TCP named "http", addressed by us.
inline model::Service service(const std::string& name, std::initializer_list<std::string> vips) {
  model::Service result;
  result.key = {"default", name};
  result.type = "LoadBalancer";
  result.ports = {{"http", model::Protocol::kTcp, 80, 0}};
  for (const std::string& vip : vips) result.ingress.push_back({vip, "", "Proxy"});
  result.conditions = {{"barevip.dev/AddressAssigned", "True", "Assigned", ""}};
  return result;
}

struct EndpointSpec {
  std::string address;
  std::string node = "n1";
  bool ready = true;
  bool serving = true;
  bool terminating = false;
};

inline EndpointSpec terminating(const std::string& address, const std::string& node = "n1") {
  return {address, node, false, true, true};
}
inline EndpointSpec unready(const std::string& address, const std::string& node = "n1") {
  return {address, node, false, false, false};
}

/// A slice of "default/SERVICE" with port 8080/TCP named "http"; the family is the first address's.
inline model::EndpointSlice slice(const std::string& serviceName,
                                  std::initializer_list<EndpointSpec> endpoints,
                                  Family family = Family::kIpv4) {
  model::EndpointSlice result;
  result.key = {"default", serviceName + (family == Family::kIpv4 ? "-4" : "-6")};
  result.serviceName = serviceName;
  result.family = family;
  result.ports = {{"http", model::Protocol::kTcp, 8080}};
  for (const EndpointSpec& spec : endpoints) {
    result.endpoints.push_back(
        {{ip(spec.address)}, spec.node, spec.ready, spec.serving, spec.terminating});
  }
  return result;
}

inline model::Node node(const std::string& name, const std::string& address = "") {
  model::Node result;
  result.key = {"", name};
  if (!address.empty()) result.internalIps = {ip(address)};
  result.ready = true;
  return result;
}

inline model::IpObject ipObject(const std::string& serviceName, const std::string& address,
                                const std::string& holder = "",
                                const std::string& pool = "default") {
  model::IpObject result;
  result.key = {"default", serviceName + "-" + address};
  result.status.phase = "Bound";
  result.status.address = address;
  result.status.pool = pool;
  if (!serviceName.empty()) result.status.services = {serviceName};
  result.status.node = holder;
  return result;
}

/// A reservation that these Services of its namespace use.
inline model::IpObject usedBy(std::vector<std::string> services, const std::string& address) {
  model::IpObject result = ipObject("", address);
  result.key.name = "reserved";
  result.status.services.assign(services.begin(), services.end());
  return result;
}

/// The record of an address of "default/SERVICE" for these ports.
inline model::IpObject granting(const std::string& serviceName, const std::string& address,
                                std::vector<std::string> ports) {
  model::IpObject result = ipObject(serviceName, address);
  result.status.ports.assign(ports.begin(), ports.end());
  return result;
}

/// The same Service on another port.
inline model::Service onPort(std::uint16_t port, model::Service result) {
  result.ports = {{"http", model::Protocol::kTcp, port, 0}};
  return result;
}

/// The operator refused what the Service asks for.
inline model::Service refused(model::Service result) {
  result.conditions = {{"barevip.dev/AddressAssigned", "False", "AddressHeld", ""}};
  return result;
}

inline model::Service local(model::Service result) {
  result.externalTrafficPolicy = model::TrafficPolicy::kLocal;
  return result;
}

struct ClusterBuilder {
  ClusterState state;

  ClusterBuilder& add(model::Service object) { return put(state.services, std::move(object)); }
  ClusterBuilder& add(model::EndpointSlice object) { return put(state.slices, std::move(object)); }
  ClusterBuilder& add(model::Node object) { return put(state.nodes, std::move(object)); }
  ClusterBuilder& add(model::IpObject object) { return put(state.ipObjects, std::move(object)); }
  ClusterBuilder& add(model::Pool object) { return put(state.pools, std::move(object)); }

 private:
  template <class T>
  ClusterBuilder& put(std::vector<std::shared_ptr<const T>>& objects, T object) {
    objects.push_back(std::make_shared<const T>(std::move(object)));
    return *this;
  }
};

/// What all VIPs of the cluster lead to.
inline VipPorts assignVipPorts(const ClusterState& cluster, const model::ClassRules& classes = {}) {
  const IpIndex ipObjects(cluster.ipObjects);
  const auto machines = machineAddresses(cluster);
  const VipPortChoice choice(ipObjects, machines, classes);
  VipPorts result;
  std::map<IpAddress, std::vector<std::shared_ptr<const model::Service>>> showing;
  for (const auto& service : cluster.services) {
    std::set<IpAddress> vips;
    for (const auto& entry : service->ingress) {
      if (const auto vip = IpAddress::parse(entry.ip)) vips.insert(*vip);
    }
    for (const IpAddress& vip : vips) showing[vip].push_back(service);
    auto problems = choice.unreadable(*service);
    std::move(problems.begin(), problems.end(), std::back_inserter(result.problems));
  }
  for (const auto& [vip, services] : showing) {
    VipPorts ofVip = choice.of(vip, services);
    std::move(ofVip.all.begin(), ofVip.all.end(), std::back_inserter(result.all));
    std::move(ofVip.problems.begin(), ofVip.problems.end(), std::back_inserter(result.problems));
  }
  std::sort(result.problems.begin(), result.problems.end());
  return result;
}

inline DesiredOptions options(Placement placement = Placement::kDirector) {
  DesiredOptions result;
  result.nodeName = "n1";
  result.placement = placement;
  result.bindInterfaces = {"eth0"};
  using std::chrono::seconds;
  if (placement == Placement::kDirector) {
    result.timeouts = {seconds(7260), seconds(120), seconds(300)};
  }
  return result;
}

}  // namespace barevip::node::test
