// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/desired.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <variant>

#include "ipvsnode/cluster/bound_claims.h"
#include "ipvsnode/desired/endpoints.h"
#include "ipvsnode/desired/forwarding.h"
#include "ipvsnode/desired/source_ranges.h"

namespace barevip::node {
namespace {

constexpr std::array<std::string_view, 14> kSchedulers{
    "rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh", "twos"};

/// False if it is there already.
template <class T>
bool insertByKey(std::vector<std::shared_ptr<const T>>& objects, std::shared_ptr<const T> object) {
  const auto at = std::lower_bound(objects.begin(), objects.end(), object,
                                   [](const auto& a, const auto& b) { return a->key < b->key; });
  if (at != objects.end() && (*at)->key == object->key) return false;
  objects.insert(at, std::move(object));
  return true;
}

class Builder {
 public:
  Builder(const ClusterState& cluster, const DesiredOptions& options, const LocalFacts& local)
      : options_(options),
        local_(local),
        endpoints_(cluster.slices),
        claims_(cluster.claims),
        admission_(cluster, vipsOfCluster_, options.trustEndpointsOf) {
    Frontends frontends = selectFrontends(cluster, claims_, options.classes);
    desired_.problems = std::move(frontends.problems);
    for (Frontend& frontend : frontends.all) {
      const bool here = mayServeHere(frontend);
      addToVip(frontend, here);
      vipsOfCluster_.insert(frontend.key.vip);
      if (here && !isByKubeProxy(*frontend.service)) frontends_.push_back(std::move(frontend));
    }
    for (const Frontend& frontend : frontends_) vips_.insert(frontend.key.vip);
  }

  DesiredState build() && {
    for (const Frontend& frontend : frontends_) addFrontend(frontend);
    guardFrontends();
    for (ServedVip& vip : desired_.vips) findEndpointNodes(vip);
    desired_.filter.vips.assign(vips_.begin(), vips_.end());
    desired_.timeouts = options_.timeouts;
    addPlumbing();
    for (const IpAddress& vip : vips_) addVipItems(vip);
    auto& problems = desired_.problems;
    std::sort(problems.begin(), problems.end());
    problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
    desired_.frontends = std::move(frontends_);
    return std::move(desired_);
  }

 private:
  void report(const Frontend& frontend, std::string reason, std::string message) {
    desired_.problems.push_back(
        {frontend.service->key, frontend.key.vip, std::move(reason), std::move(message)});
  }

  bool mayServeHere(const Frontend& frontend) {
    const IpAddress& vip = frontend.key.vip;
    if (!vip.isIpv4() && !options_.ipv6) {
      report(frontend, "NoIPv6",
             vip.toString() + " is not served by node " + options_.nodeName +
                 ": IPv6 is switched off there");
      return false;
    }
    if (local_.gateways.contains(vip)) {
      report(frontend, "AddressInUse",
             vip.toString() + " is the default gateway of node " + options_.nodeName +
                 ": take it out of the pool");
      return false;
    }
    if (const auto refusal = refusalToForwardHere(*frontend.service, options_.placement)) {
      report(frontend, refusal->reason, refusal->message);
      return false;
    }
    const auto holder = local_.held.find(vip);
    if (holder == local_.held.end()) return true;
    const bool kubeProxys = holder->second == heldBy(kKubeProxyDevice);
    if (kubeProxys && isByKubeProxy(*frontend.service)) return true;
    report(frontend, "AddressInUse",
           vip.toString() + " is held on node " + options_.nodeName + " by " + holder->second +
               ", which barevip did not make: remove it or take the address out of the pool");
    return false;
  }

  void addFrontend(const Frontend& frontend) {
    const bool clusterIp = frontend.service->forward == model::ForwardMode::kClusterIp;
    const EndpointChoice choice = clusterIp ? clusterIpOf(frontend) : endpointsOf(frontend);

    ipvs::VirtualServer server{frontend.key, optionsOf(frontend), {}};
    server.realServers.reserve(choice.realServers.size());
    for (const ipvs::RealServerKey& key : choice.realServers) server.realServers.push_back({key});
    desired_.virtualServers.push_back(std::move(server));

    desired_.filter.virtualServers.push_back(frontend.key);
    if (choice.localOnly) desired_.filter.keepClient.push_back(frontend.key);
  }

  EndpointChoice endpointsOf(const Frontend& frontend) {
    const model::Service& service = *frontend.service;
    EndpointChoice choice = chooseEndpoints(
        endpoints_.of(service.key),
        {service, frontend.key.vip.family(), frontend.port, options_.nodeName}, admission_);
    noteRefused(frontend, choice.refused);
    return choice;
  }

  // kube-proxy chooses the pod, and refuses requests while there is none. It leads to every
  // endpoint: where one must not be led to, the port leads nowhere.
  EndpointChoice clusterIpOf(const Frontend& frontend) {
    EndpointChoice choice;
    const auto address = clusterIpFor(*frontend.service, frontend.key.vip.family());
    const bool guarded = endpointsOf(frontend).refused.count > 0;
    if (address && !guarded) choice.realServers.push_back({*address, frontend.port.port});
    return choice;
  }

  // One for all ports: there may be as many refusals as there are ports.
  void noteRefused(const Frontend& frontend, const EndpointChoice::Refused& refused) {
    if (refused.count == 0) return;
    if (!refusing_.emplace(frontend.service->key, frontend.key.vip).second) return;
    const std::size_t more = refused.count - 1;
    const std::string others = more == 0   ? ""
                               : more == 1 ? ", and so is 1 more"
                                           : ", and so are " + std::to_string(more) + " more";
    report(
        frontend, "EndpointRefused",
        "endpoint " + refused.first.toString() + " is left out" + others + ": it is " +
            refused.what +
            "; correct the EndpointSlice, give the Service a selector, or let the nodes trust its "
            "namespace with --trust-endpoints-of");
  }

  ipvs::VirtualServerOptions optionsOf(const Frontend& frontend) {
    ipvs::VirtualServerOptions result;
    result.scheduler = options_.scheduler;
    const auto wish = frontend.service->annotations.find(std::string(model::kSchedulerAnnotation));
    if (wish != frontend.service->annotations.end()) {
      if (!isScheduler(wish->second)) {
        report(frontend, "UnknownScheduler",
               "annotation " + std::string(model::kSchedulerAnnotation) + ": \"" +
                   wish->second.substr(0, 32) + "\" is not an IPVS scheduler; " +
                   options_.scheduler + " is used. Write rr, wrr, lc, wlc, sh, dh, sed, nq or mh");
      } else if (local_.missingSchedulers.contains(wish->second)) {
        report(frontend, "SchedulerMissing",
               "the kernel of node " + options_.nodeName + " has no scheduler " + wish->second +
                   " (module ip_vs_" + wish->second + "); " + options_.scheduler + " is used");
      } else {
        result.scheduler = wish->second;
      }
    }
    result.flags = schedulerFlags(result.scheduler);
    if (frontend.service->affinitySeconds > 0) {
      result.flags |= ipvs::kPersistent;
      result.persistenceSeconds = frontend.service->affinitySeconds;
      reportLongerAffinity(frontend);
    }
    return result;
  }

  // IPVS looks whether to drop a client's affinity when it is over, and while it still remembers a
  // connection of that client, every 60 s (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_conn_expire).
  void reportLongerAffinity(const Frontend& frontend) {
    constexpr std::chrono::seconds kLookInterval{60};
    const auto remembered = rememberedAfterwards(frontend.key.protocol);
    const std::chrono::seconds wish(frontend.service->affinitySeconds);
    if (wish >= remembered) return;
    report(frontend, "SessionAffinityLonger",
           "sessionAffinity: timeoutSeconds is " + std::to_string(wish.count()) +
               ", but a client may stay with its pod for up to " +
               std::to_string((remembered + kLookInterval).count()) + " s after its last " +
               std::string(model::toString(frontend.key.protocol)) +
               " connection. IPVS keeps the affinity as long as it remembers a connection of the "
               "client; write " +
               std::to_string(remembered.count()) + " or more to have no such difference");
  }

  /// How long IPVS remembers a connection after its last packet; settable for UDP alone.
  [[nodiscard]] std::chrono::seconds rememberedAfterwards(ipvs::Protocol protocol) const {
    using std::chrono::seconds;
    switch (protocol) {
      case ipvs::Protocol::kTcp:
        return seconds(120);  // TIME_WAIT
      case ipvs::Protocol::kUdp:
        return options_.timeouts.udp.count() != 0 ? options_.timeouts.udp : seconds(300);
      case ipvs::Protocol::kSctp:
        return seconds(61);  // CLOSED
    }
    return seconds(0);
  }

  void guardFrontends() {
    SourceGuards sources = guardSources(frontends_);
    desired_.filter.sourceRanges = std::move(sources.guards);
    desired_.problems.insert(desired_.problems.end(), sources.problems.begin(),
                             sources.problems.end());
  }

  // Frontends ascend by key, so those of one VIP follow each other.
  void addToVip(const Frontend& frontend, bool here) {
    auto& vips = desired_.vips;
    if (vips.empty() || vips.back().address != frontend.key.vip) {
      vips.push_back({frontend.key.vip, {}, {}, {}, {}, here});
    }
    ServedVip& vip = vips.back();
    vip.servedHere = vip.servedHere && here;
    vip.byKubeProxy = isByKubeProxy(*frontend.service);
    if (!insertByKey(vip.services, frontend.service)) return;
    // Services that share a reservation have one IP object.
    for (auto& claim : claims_.of(*frontend.service, vip.address)) insertByKey(vip.claims, claim);
  }

  void findEndpointNodes(ServedVip& vip) {
    std::vector<const model::Service*> placed;
    bool allLocal = true;
    for (const auto& service : vip.services) {
      if (service->externalTrafficPolicy != model::TrafficPolicy::kLocal) {
        allLocal = false;
        continue;
      }
      const auto nodes = nodesWithEndpoints(endpoints_.of(service->key), *service,
                                            vip.address.family(), admission_);
      if (nodes.empty()) continue;
      if (placed.empty()) vip.commonNodes = nodes;
      std::erase_if(vip.commonNodes,
                    [&](const std::string& node) { return !nodes.contains(node); });
      vip.endpointNodes.insert(nodes.begin(), nodes.end());
      placed.push_back(service.get());
    }
    vip.endpointNodesOnly = vip.byKubeProxy && (allLocal || !placed.empty());
    if (placed.empty() || !vip.commonNodes.empty()) return;
    for (const model::Service* service : placed) {
      desired_.problems.push_back(
          {service->key, vip.address, "NoCommonNode",
           vip.address.toString() +
               " is announced by one node, and no node has pods of every Service with "
               "externalTrafficPolicy Local that shares it: where the announcing node has none, "
               "pods do not see the client's address. Run pods of all of them on one node, or give "
               "this Service an address of its own"});
    }
  }

  // There whether or not a VIP is: rules that lead nowhere fall through.
  void addPlumbing() {
    if (options_.placement != Placement::kDirector) return;
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      if (family == Family::kIpv6 && !options_.ipv6) continue;
      const bool is4 = family == Family::kIpv4;
      const auto add = [&](net::Item item) {
        desired_.nodeItems.emplace(std::move(item), Beneficiary(family));
      };
      add(net::Rule{family, net::kReturnRulePriority, net::kReturnTable, "", net::kReturnMark,
                    net::kMarkMask});
      add(net::Rule{family, net::kOutsideRulePriority, net::kOutsideTable, options_.bindInterface,
                    0, 0});
      add(net::Route{IpPrefix{IpAddress::fromNumber(family, 0), 0}, net::kReturnTable,
                     is4 ? net::kOutside.director4 : net::kOutside.director6,
                     net::kOutside.nodeDevice});
    }
  }

  void addVipItems(const IpAddress& vip) {
    if (options_.placement == Placement::kHost) {
      desired_.nodeItems.emplace(net::BoundAddress{vip, net::kDummyDevice}, vip);
      return;
    }
    desired_.directorItems.emplace(net::BoundAddress{vip, kDirectorDevice}, vip);
    const auto route = [&](std::uint32_t table, const net::Pair& pair) {
      desired_.nodeItems.emplace(
          net::Route{IpPrefix::host(vip), table, vip.isIpv4() ? pair.director4 : pair.director6,
                     pair.nodeDevice},
          vip);
    };
    route(net::kMainTable, net::kInside);
    route(net::kOutsideTable, net::kOutside);
  }

  const DesiredOptions& options_;
  const LocalFacts& local_;
  EndpointIndex endpoints_;
  BoundClaims claims_;
  std::vector<Frontend> frontends_;
  std::set<IpAddress> vips_;
  std::set<IpAddress> vipsOfCluster_;
  EndpointAdmission admission_;
  std::set<std::pair<kube::ObjectKey, IpAddress>> refusing_;
  DesiredState desired_;
};

}  // namespace

bool isScheduler(std::string_view name) {
  return std::find(kSchedulers.begin(), kSchedulers.end(), name) != kSchedulers.end();
}

std::uint32_t schedulerFlags(std::string_view name) {
  if (name == "mh") return ipvs::kSchedulerFlag1 | ipvs::kSchedulerFlag2;
  if (name == "sh") return ipvs::kSchedulerFlag1;
  return 0;
}

std::set<net::Item> itemsOf(const Items& items) {
  std::set<net::Item> result;
  for (const auto& [item, beneficiary] : items) result.insert(item);
  return result;
}

std::set<net::Item> wantedOnNode(const DesiredState& desired) {
  std::set<net::Item> result = itemsOf(desired.nodeItems);
  for (const auto& [vip, item] : desired.announcements) result.insert(item);
  return result;
}

DesiredState computeDesired(const ClusterState& cluster, const DesiredOptions& options,
                            const LocalFacts& local) {
  return Builder(cluster, options, local).build();
}

void holdBack(DesiredState& desired, std::set<IpAddress> vips, const std::set<net::Item>& there) {
  if (vips.empty()) return;
  const auto isOfOne = [&](const auto& entry) {
    const auto* const vip = std::get_if<IpAddress>(&entry.second);
    return vip != nullptr && vips.contains(*vip);
  };
  for (const auto& entry : desired.nodeItems) {
    if (isOfOne(entry) && there.contains(entry.first))
      vips.erase(std::get<IpAddress>(entry.second));
  }
  std::erase_if(desired.nodeItems, isOfOne);
  std::erase_if(desired.directorItems, isOfOne);
  // On the host IPVS takes this node's own connections, whether or not the VIP is its address.
  const auto isToOne = [&](const ipvs::VirtualServerKey& key) { return vips.contains(key.vip); };
  std::erase_if(desired.virtualServers, [&](const auto& server) { return isToOne(server.key); });
  net::FilterState& filter = desired.filter;
  std::erase_if(filter.vips, [&](const IpAddress& vip) { return vips.contains(vip); });
  std::erase_if(filter.virtualServers, isToOne);
  std::erase_if(filter.keepClient, isToOne);
  std::erase_if(filter.sourceRanges,
                [&](const auto& ranges) { return isToOne(ranges.virtualServer); });
}

net::Item announcementOf(const IpAddress& vip, const DesiredOptions& options) {
  if (options.placement == Placement::kHost) return net::BoundAddress{vip, options.bindInterface};
  return net::ProxyNeighbour{vip, options.bindInterface};
}

net::Item announcementOf(const ServedVip& vip, const DesiredOptions& options) {
  if (vip.byKubeProxy) return net::BoundAddress{vip.address, options.bindInterface};
  return announcementOf(vip.address, options);
}

std::optional<IpAddress> announcedVip(const net::Item& item, const DesiredOptions& options) {
  ServedVip vip;
  if (const auto* proxy = std::get_if<net::ProxyNeighbour>(&item)) {
    vip.address = proxy->address;
  } else if (const auto* address = std::get_if<net::BoundAddress>(&item)) {
    vip.address = address->address;
    vip.byKubeProxy = true;
  } else {
    return std::nullopt;
  }
  return announcementOf(vip, options) == item ? std::optional(vip.address) : std::nullopt;
}

bool isAnnouncement(const net::Item& nodeItem) {
  if (std::holds_alternative<net::ProxyNeighbour>(nodeItem)) return true;
  const auto* address = std::get_if<net::BoundAddress>(&nodeItem);
  return address != nullptr && address->device != net::kDummyDevice;
}

}  // namespace barevip::node
