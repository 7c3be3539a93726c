// SPDX-License-Identifier: Apache-2.0
#include "history/node/reference.h"

#include <algorithm>

#include "history/node/names.h"

namespace barevip::node::history {
namespace {

constexpr std::uint32_t kPersistentFlag = 0x1;  // IP_VS_SVC_F_PERSISTENT of linux/ip_vs.h
constexpr std::uint32_t kMhFlags = 0x8 | 0x10;  // mh-fallback, mh-port

IpAddress gateway(bool inside, Family family) {
  const unsigned last = inside ? 6 : 2;
  return family == Family::kIpv4
             ? IpAddress::fromNumber(family, 0xa9fe4d00U + last)
             : IpAddress::fromNumber(family, (Uint128{0xfd7762766970U} << 80U) + last);
}

std::set<net::NetObject> plumbingOf(bool host) {
  std::set<net::NetObject> items;
  if (host) return items;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    items.insert(net::Rule{family, 118, 11802, "", 0x1000, 0x1f00});
    items.insert(net::Rule{family, 119, 11801, "eth0", 0, 0});
    items.insert(net::Route{IpPrefix{IpAddress::fromNumber(family, 0), 0}, 11802,
                            gateway(false, family), "bvip-out"});
  }
  return items;
}

/// Numbers of the pods that take new connections: those that are ready, else those that still
/// serve; `here`: only those of that node.
std::set<Pick> podsOf(const Cluster& cluster, Pick service, std::optional<Pick> here) {
  const auto found = cluster.pods.find(service);
  if (found == cluster.pods.end()) return {};
  for (const PodState wanted : {PodState::kReady, PodState::kTerminating}) {
    std::set<Pick> result;
    for (Pick i = 0; i < kEndpointCount; ++i) {
      const Pod& pod = found->second.at(i);
      const bool fits = !here || pod.node % kNodeCount == *here;
      if (pod.state == wanted && fits) result.insert(i);
    }
    if (!result.empty()) return result;
  }
  return {};
}

ipvs::VirtualServerOptions optionsOf(const PutService& service, bool lacksMh) {
  ipvs::VirtualServerOptions options;
  if (service.hashed && !lacksMh) {
    options.scheduler = "mh";
    options.flags = kMhFlags;
  }
  if (service.sticky) {
    options.flags |= kPersistentFlag;
    options.persistenceSeconds = 600;
  }
  return options;
}

std::optional<std::vector<IpPrefix>> admitted(const PutService& service, Family family) {
  const std::vector<std::string> texts = sourcesOf(service);
  if (texts.empty()) return std::nullopt;
  std::vector<IpPrefix> result;
  for (const std::string& text : texts) {
    const auto prefix = IpPrefix::parse(text);
    if (prefix && prefix->network.family() == family) result.push_back(*prefix);
  }
  return result;
}

WantedServer serverOf(const Cluster& cluster, Pick number, const Port& port, const IpAddress& vip,
                      const NodeFacts& facts) {
  const PutService& service = cluster.services.at(number);
  WantedServer server;
  server.options = optionsOf(service, facts.lacksMh);
  server.sources = admitted(service, vip.family());
  if (forwardOf(service, cluster.host) == Forward::kClusterIp) {
    server.reals = {{clusterIp(number, vip.family()), port.number}};
    return server;
  }
  std::set<Pick> pods;
  if (service.local) pods = podsOf(cluster, number, facts.node);
  server.keepsClient = !pods.empty();
  if (pods.empty()) pods = podsOf(cluster, number, std::nullopt);
  for (const Pick pod : pods) {
    server.reals.insert({podAddress(number, pod, vip.family()), port.ofPods});
  }
  return server;
}

void addItems(const IpAddress& vip, bool host, WantedVip& wanted) {
  if (wanted.byKubeProxy) {
    wanted.announcement = net::BoundAddress{vip, "eth0"};
    return;
  }
  if (host) {
    wanted.announcement = net::BoundAddress{vip, "eth0"};
    wanted.nodeObjects.insert(net::BoundAddress{vip, "barevip0"});
    return;
  }
  wanted.announcement = net::ProxyNeighbour{vip, "eth0"};
  wanted.balancerItems.insert(net::BoundAddress{vip, "lo"});
  wanted.nodeObjects.insert(
      net::Route{IpPrefix::host(vip), 254, gateway(true, vip.family()), "bvip-in"});
  wanted.nodeObjects.insert(
      net::Route{IpPrefix::host(vip), 11801, gateway(false, vip.family()), "bvip-out"});
}

std::set<Pick> both(const std::set<Pick>& a, const std::set<Pick>& b) {
  std::set<Pick> result;
  for (const Pick one : a) {
    if (b.contains(one)) result.insert(one);
  }
  return result;
}

}  // namespace

WantedNode wantedOn(const Cluster& cluster, const NodeFacts& facts) {
  WantedNode result;
  result.plumbing = plumbingOf(cluster.host);
  for (const auto& [number, service] : cluster.services) {
    for (const IpAddress& vip : vipsOf(service)) {
      if (facts.held.contains(vip)) continue;
      WantedVip& wanted = result.vips[vip];
      wanted.byKubeProxy = forwardOf(service, cluster.host) == Forward::kKubeProxy;
      addItems(vip, cluster.host, wanted);
      const auto record = cluster.records.find({number, vip});
      if (record != cluster.records.end() && !record->second.empty()) wanted.recorded = true;
      if (wanted.byKubeProxy) continue;
      for (const Port& port : portsOf(service)) {
        wanted.servers[{vip, port.number, port.protocol}] =
            serverOf(cluster, number, port, vip, facts);
      }
    }
  }
  return result;
}

std::set<Pick> announcersOf(const Cluster& cluster, const IpAddress& vip,
                            const std::set<Pick>& unable) {
  std::set<Pick> candidates;
  std::set<Pick> able;
  for (Pick node = 0; node < kNodeCount; ++node) {
    if (cluster.excluded.at(node)) continue;
    candidates.insert(node);
    if (!unable.contains(node)) able.insert(node);
  }
  if (!able.empty()) candidates = able;
  // Nodes with pods of each Service with externalTrafficPolicy Local, or of any.
  std::optional<std::set<Pick>> common;
  std::set<Pick> any;
  bool onlyThere = false;
  for (const auto& [number, service] : cluster.services) {
    const std::vector<IpAddress> vips = vipsOf(service);
    if (std::find(vips.begin(), vips.end(), vip) == vips.end() || !service.local) continue;
    onlyThere = onlyThere || forwardOf(service, cluster.host) == Forward::kKubeProxy;
    std::set<Pick> nodes;
    for (const Pick pod : podsOf(cluster, number, std::nullopt)) {
      nodes.insert(cluster.pods.at(number).at(pod).node % kNodeCount);
    }
    if (nodes.empty()) continue;
    any.insert(nodes.begin(), nodes.end());
    common = common ? both(*common, nodes) : nodes;
  }
  if (onlyThere) candidates = both(candidates, any);
  if (const auto some = both(candidates, any); !some.empty()) candidates = some;
  if (common) {
    if (const auto some = both(candidates, *common); !some.empty()) candidates = some;
  }
  return candidates;
}

bool runsElsewhere(const Cluster& cluster, Pick node, const IpAddress& address) {
  for (const auto& [service, pods] : cluster.pods) {
    for (Pick i = 0; i < kEndpointCount; ++i) {
      const Pod& pod = pods.at(i);
      if (pod.state == PodState::kAbsent || pod.node % kNodeCount == node) continue;
      if (podAddress(service, i, address.family()) == address) return true;
    }
  }
  return false;
}

bool isByKubeProxy(const Cluster& cluster, const IpAddress& vip) {
  return std::any_of(cluster.services.begin(), cluster.services.end(), [&](const auto& entry) {
    const std::vector<IpAddress> vips = vipsOf(entry.second);
    return forwardOf(entry.second, cluster.host) == Forward::kKubeProxy &&
           std::find(vips.begin(), vips.end(), vip) != vips.end();
  });
}

std::set<IpAddress> vipsOf(const Cluster& cluster) {
  std::set<IpAddress> result;
  for (const auto& [number, service] : cluster.services) {
    for (const IpAddress& vip : vipsOf(service)) result.insert(vip);
  }
  return result;
}

}  // namespace barevip::node::history
