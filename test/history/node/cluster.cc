// SPDX-License-Identifier: Apache-2.0
#include "history/node/cluster.h"

#include <set>

#include "history/node/names.h"

namespace barevip::node::history {
namespace {

constexpr const char* kNamespace = "default";

model::Service serviceObject(Pick number, const PutService& wish, bool host) {
  model::Service service;
  service.key = {kNamespace, serviceName(number)};
  service.uid = "uid-" + service.key.name;
  service.type = "LoadBalancer";
  service.selects = true;
  for (const Port& port : portsOf(wish)) {
    service.ports.push_back({port.name, port.protocol, port.number, 0});
  }
  service.clusterIps = {clusterIp(number, Family::kIpv4), clusterIp(number, Family::kIpv6)};
  service.externalTrafficPolicy =
      wish.local ? model::TrafficPolicy::kLocal : model::TrafficPolicy::kCluster;
  if (wish.sticky) service.affinitySeconds = 600;
  if (wish.hashed) service.annotations["barevip.dev/scheduler"] = "mh";
  service.sourceRanges = sourcesOf(wish);
  const Forward forward = forwardOf(wish, host);
  if (forward == Forward::kClusterIp) service.forward = model::ForwardMode::kClusterIp;
  if (forward == Forward::kKubeProxy) service.forward = model::ForwardMode::kKubeProxy;
  for (const IpAddress& vip : vipsOf(wish)) {
    service.ingress.push_back(
        {vip.toString(), "", forward == Forward::kKubeProxy ? "VIP" : "Proxy"});
  }
  service.conditions = {{"barevip.dev/AddressAssigned", "True", "Assigned", ""}};
  return service;
}

model::EndpointSlice sliceObject(Pick number, const std::array<Pod, kEndpointCount>& pods,
                                 Family family) {
  model::EndpointSlice slice;
  slice.serviceName = serviceName(number);
  slice.key = {kNamespace, slice.serviceName + (family == Family::kIpv4 ? "-4" : "-6")};
  slice.byController = true;
  slice.family = family;
  slice.ports = {{"http", model::Protocol::kTcp, 8080},
                 {"dns", model::Protocol::kUdp, 5353},
                 {"https", model::Protocol::kTcp, 8443}};
  for (Pick i = 0; i < kEndpointCount; ++i) {
    const Pod& pod = pods.at(i);
    if (pod.state == PodState::kAbsent) continue;
    model::Endpoint endpoint;
    endpoint.addresses = {podAddress(number, i, family)};
    endpoint.nodeName = nodeName(pod.node);
    endpoint.ready = pod.state == PodState::kReady;
    endpoint.serving = pod.state != PodState::kUnready;
    endpoint.terminating = pod.state == PodState::kTerminating;
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

}  // namespace

std::vector<IpAddress> vipsOf(const PutService& service) {
  switch (service.addresses) {
    case Addresses::kIpv6:
      return {ownVip(service.service, Family::kIpv6)};
    case Addresses::kBoth:
      return {ownVip(service.service, Family::kIpv4), ownVip(service.service, Family::kIpv6)};
    case Addresses::kShared:
      return {sharedVip()};
    default:
      return {ownVip(service.service, Family::kIpv4)};
  }
}

std::vector<Port> portsOf(const PutService& service) {
  const auto number = [&](unsigned base) {
    return static_cast<std::uint16_t>(base + service.service % kServiceCount);
  };
  std::vector<Port> ports{{"http", model::Protocol::kTcp, number(80), 8080}};
  if (service.ports == Ports::kTcpAndUdp) {
    ports.push_back({"dns", model::Protocol::kUdp, number(80), 5353});
  }
  if (service.ports == Ports::kTwoTcp) {
    ports.push_back({"https", model::Protocol::kTcp, number(440), 8443});
  }
  return ports;
}

Forward forwardOf(const PutService& service, bool host) {
  if (service.forward == Forward::kKubeProxy && service.addresses == Addresses::kShared) {
    return Forward::kMasquerade;
  }
  if (service.forward == Forward::kClusterIp && (host || service.local)) {
    return Forward::kMasquerade;
  }
  return service.forward;
}

std::vector<std::string> sourcesOf(const PutService& service) {
  switch (service.sources) {
    case Sources::kOne:
      return {"198.51.100.0/24", "2001:db8:1::/48"};
    case Sources::kTwo:
      return {"198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48", "2001:db8:2::/48"};
    case Sources::kNobody:
      return {"nowhere"};
    default:
      return {};
  }
}

void keepRecords(Cluster& cluster) {
  std::set<std::pair<Pick, IpAddress>> wanted;
  for (const auto& [number, service] : cluster.services) {
    for (const IpAddress& vip : vipsOf(service)) wanted.emplace(number, vip);
  }
  std::erase_if(cluster.records, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (const auto& record : wanted) cluster.records.try_emplace(record);
}

kube::ObjectKey recordKey(Pick service, const IpAddress& vip) {
  return {kNamespace, serviceName(service) + "-" + vip.toString()};
}

Objects objectsOf(const Cluster& cluster) {
  Objects objects;
  for (const auto& [number, service] : cluster.services) {
    objects.services.push_back(serviceObject(number, service, cluster.host));
  }
  for (const auto& [number, pods] : cluster.pods) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      objects.slices.push_back(sliceObject(number, pods, family));
    }
  }
  for (Pick number = 0; number < kNodeCount; ++number) {
    model::Node node;
    node.key = {"", nodeName(number)};
    node.internalIps = {nodeAddress(number)};
    node.ready = true;
    if (cluster.excluded.at(number)) {
      node.labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "";
    }
    objects.nodes.push_back(std::move(node));
  }
  for (const auto& [id, holder] : cluster.records) {
    const auto& [service, vip] = id;
    model::IpObject ipObject;
    ipObject.key = recordKey(service, vip);
    ipObject.status.phase = "Bound";
    ipObject.status.address = vip.toString();
    ipObject.status.pool = "default";
    ipObject.status.services = {serviceName(service)};
    ipObject.status.node = holder;
    objects.ipObjects.push_back(std::move(ipObject));
  }
  return objects;
}

}  // namespace barevip::node::history
