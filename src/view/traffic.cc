// SPDX-License-Identifier: Apache-2.0
#include "view/traffic.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ipvsnode/desired/endpoints.h"

namespace barevip::view {
namespace {

using NodesByAddress = std::map<IpAddress, std::string>;

NodesByAddress nodesOf(const node::EndpointIndex& index, const kube::ObjectKey& service) {
  NodesByAddress nodes;
  for (const model::EndpointSlice* const slice : index.of(service)) {
    for (const model::Endpoint& endpoint : slice->endpoints) {
      for (const IpAddress& address : endpoint.addresses) nodes[address] = endpoint.nodeName;
    }
  }
  return nodes;
}

PortTraffic portOf(const node::VipPort& vipPort, const ipvs::VirtualServer* server,
                   const node::EndpointIndex& index) {
  PortTraffic port;
  port.service = vipPort.service->key.toString();
  port.port = std::to_string(vipPort.key.port) + "/" + std::string(toString(vipPort.port.protocol));
  port.local = vipPort.service->externalTrafficPolicy == model::TrafficPolicy::kLocal;
  if (server == nullptr) return port;
  const NodesByAddress nodes = nodesOf(index, vipPort.service->key);
  port.total = server->realServers.size();
  for (const ipvs::RealServer& real : server->realServers) {
    if (port.backends.size() == kMostBackends) break;
    const auto node = nodes.find(real.key.address);
    port.backends.push_back(
        {node::endpointText(real.key), node == nodes.end() ? std::string() : node->second});
  }
  return port;
}

}  // namespace

std::vector<VipTraffic> trafficOf(const Cluster& cluster, const Forwarding& forwarding) {
  const node::EndpointIndex index(cluster.state.slices);
  const auto& servers = forwarding.desired.virtualServers;
  std::vector<VipTraffic> traffic;
  for (const node::ServedVip& vip : forwarding.vips.served) {
    traffic.push_back(
        {vip.address.toString(), ownerOf(forwarding.vips, vip.address), {}, vip.byKubeProxy});
  }
  // VipPorts ascend by VIP, as the VIPs themselves do.
  auto vip = forwarding.vips.served.begin();
  for (const node::VipPort& vipPort : forwarding.desired.vipPorts) {
    while (vip != forwarding.vips.served.end() && vip->address < vipPort.key.vip) ++vip;
    if (vip == forwarding.vips.served.end()) break;
    if (vip->address != vipPort.key.vip) continue;
    const auto server =
        std::lower_bound(servers.begin(), servers.end(), vipPort.key,
                         [](const auto& each, const auto& key) { return each.key < key; });
    const bool found = server != servers.end() && server->key == vipPort.key;
    traffic[static_cast<std::size_t>(vip - forwarding.vips.served.begin())].ports.push_back(
        portOf(vipPort, found ? &*server : nullptr, index));
  }
  return traffic;
}

}  // namespace barevip::view
