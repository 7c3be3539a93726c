// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/desired_vip.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "ipvsnode/desired/forwarding.h"

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
  explicit Builder(const VipSources& sources) : sources_(sources) {}

  DesiredVip build(const VipPorts& vipPorts) && {
    vip_.problems = vipPorts.problems;
    vip_.served.address = vipPorts.all.front().key.vip;
    for (const VipPort& vipPort : vipPorts.all) {
      const bool here = mayServeHere(vipPort);
      note(vipPort, here);
      if (here && !isByKubeProxy(*vipPort.service)) vip_.vipPorts.push_back(vipPort);
    }
    for (const VipPort& vipPort : vip_.vipPorts) addVirtualServer(vipPort);
    findEndpointNodes();
    findDevice();
    for (const auto& service : vip_.served.services) noteByHand(*service);
    // Many ports of a Service have one problem.
    auto& problems = vip_.problems;
    std::sort(problems.begin(), problems.end());
    problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
    problems.shrink_to_fit();
    return std::move(vip_);
  }

 private:
  void report(const VipPort& vipPort, std::string reason, std::string message) {
    vip_.problems.push_back(
        {vipPort.service->key, vipPort.key.vip, std::move(reason), std::move(message)});
  }

  bool mayServeHere(const VipPort& vipPort) {
    const IpAddress& vip = vipPort.key.vip;
    if (!vip.isIpv4() && !sources_.options.ipv6) {
      report(vipPort, "NoIPv6",
             vip.toString() + " is not served by node " + sources_.options.nodeName +
                 ": IPv6 is switched off there");
      return false;
    }
    if (sources_.local.gateways.contains(vip)) {
      report(vipPort, "AddressInUse",
             vip.toString() + " is the default gateway of node " + sources_.options.nodeName +
                 ": take it out of the pool");
      return false;
    }
    if (const auto refusal = refusalToForwardHere(*vipPort.service, sources_.options.placement)) {
      report(vipPort, refusal->reason, refusal->message);
      return false;
    }
    const auto holder = sources_.local.held.find(vip);
    if (holder == sources_.local.held.end()) return true;
    const bool kubeProxys = holder->second == heldBy(kKubeProxyDevice);
    if (kubeProxys && isByKubeProxy(*vipPort.service)) return true;
    report(vipPort, "AddressInUse",
           vip.toString() + " is held on node " + sources_.options.nodeName + " by " +
               holder->second +
               ", which barevip did not make: remove it or take the address out of the pool");
    return false;
  }

  void note(const VipPort& vipPort, bool here) {
    ServedVip& served = vip_.served;
    served.servedHere = served.servedHere && here;
    served.byKubeProxy = isByKubeProxy(*vipPort.service);
    if (!insertByKey(served.services, vipPort.service)) return;
    // Services that share a reservation have one IP object.
    for (auto& ipObject : sources_.ipObjects.of(*vipPort.service, served.address)) {
      insertByKey(served.ipObjects, ipObject);
    }
  }

  void addVirtualServer(const VipPort& vipPort) {
    const bool clusterIp = vipPort.service->forward == model::ForwardMode::kClusterIp;
    const EndpointChoice choice = clusterIp ? clusterIpOf(vipPort) : endpointsOf(vipPort);

    ipvs::VirtualServer server{vipPort.key, optionsOf(vipPort), {}};
    server.realServers.reserve(choice.realServers.size());
    for (const ipvs::RealServerKey& key : choice.realServers) server.realServers.push_back({key});
    vip_.virtualServers.push_back(std::move(server));
    if (choice.localOnly) vip_.keepClient.push_back(vipPort.key);
  }

  EndpointChoice endpointsOf(const VipPort& vipPort) {
    const model::Service& service = *vipPort.service;
    EndpointChoice choice = chooseEndpoints(
        sources_.endpoints.of(service.key),
        {service, vipPort.key.vip.family(), vipPort.port, sources_.options.nodeName},
        sources_.admission);
    noteRefused(vipPort, choice.refused);
    return choice;
  }

  // kube-proxy chooses the pod, and refuses requests while there is none. It leads to every
  // endpoint: where one must not be led to, the port leads nowhere.
  EndpointChoice clusterIpOf(const VipPort& vipPort) {
    EndpointChoice choice;
    const auto address = clusterIpFor(*vipPort.service, vipPort.key.vip.family());
    const bool guarded = endpointsOf(vipPort).refused.count > 0;
    if (address && !guarded) choice.realServers.push_back({*address, vipPort.port.port});
    return choice;
  }

  // One for all ports: there may be as many refusals as there are ports.
  void noteRefused(const VipPort& vipPort, const EndpointChoice::Refused& refused) {
    if (refused.count == 0) return;
    if (!refusing_.insert(vipPort.service->key).second) return;
    const std::size_t more = refused.count - 1;
    const std::string others = more == 0   ? ""
                               : more == 1 ? ", and so is 1 more"
                                           : ", and so are " + std::to_string(more) + " more";
    report(
        vipPort, "EndpointRefused",
        "endpoint " + refused.first.toString() + " is left out" + others + ": it is " +
            refused.what +
            "; correct the EndpointSlice, give the Service a selector, or let the nodes trust its "
            "namespace with --trust-endpoints-of");
  }

  ipvs::VirtualServerOptions optionsOf(const VipPort& vipPort) {
    ipvs::VirtualServerOptions result;
    result.scheduler = sources_.options.scheduler;
    const auto wish = vipPort.service->annotations.find(std::string(model::kSchedulerAnnotation));
    if (wish != vipPort.service->annotations.end()) {
      if (!isScheduler(wish->second)) {
        report(vipPort, "UnknownScheduler",
               "annotation " + std::string(model::kSchedulerAnnotation) + ": \"" +
                   wish->second.substr(0, 32) + "\" is not an IPVS scheduler; " +
                   sources_.options.scheduler +
                   " is used. Write rr, wrr, lc, wlc, sh, dh, sed, nq or mh");
      } else if (sources_.local.missingSchedulers.contains(wish->second)) {
        report(vipPort, "SchedulerMissing",
               "the kernel of node " + sources_.options.nodeName + " has no scheduler " +
                   wish->second + " (module ip_vs_" + wish->second + "); " +
                   sources_.options.scheduler + " is used");
      } else {
        result.scheduler = wish->second;
      }
    }
    result.flags = schedulerFlags(result.scheduler);
    if (vipPort.service->affinitySeconds > 0) {
      result.flags |= ipvs::kPersistent;
      result.persistenceSeconds = vipPort.service->affinitySeconds;
      reportLongerAffinity(vipPort);
    }
    return result;
  }

  // IPVS looks whether to drop a client's affinity when it is over, and while it still remembers a
  // connection of that client, every 60 s (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_conn_expire).
  void reportLongerAffinity(const VipPort& vipPort) {
    constexpr std::chrono::seconds kLookInterval{60};
    const auto remembered = rememberedAfterwards(vipPort.key.protocol);
    const std::chrono::seconds wish(vipPort.service->affinitySeconds);
    if (wish >= remembered) return;
    report(vipPort, "SessionAffinityLonger",
           "sessionAffinity: timeoutSeconds is " + std::to_string(wish.count()) +
               ", but a client may stay with its pod for up to " +
               std::to_string((remembered + kLookInterval).count()) + " s after its last " +
               std::string(model::toString(vipPort.key.protocol)) +
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
        return sources_.options.timeouts.udp.count() != 0 ? sources_.options.timeouts.udp
                                                          : seconds(300);
      case ipvs::Protocol::kSctp:
        return seconds(61);  // CLOSED
    }
    return seconds(0);
  }

  void findEndpointNodes() {
    ServedVip& vip = vip_.served;
    std::vector<const model::Service*> placed;
    bool allLocal = true;
    for (const auto& service : vip.services) {
      if (service->externalTrafficPolicy != model::TrafficPolicy::kLocal) {
        allLocal = false;
        continue;
      }
      const auto nodes = nodesWithEndpoints(sources_.endpoints.of(service->key), *service,
                                            vip.address.family(), sources_.admission);
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
      vip_.problems.push_back(
          {service->key, vip.address, "NoCommonNode",
           vip.address.toString() +
               " is announced by one node, and no node has pods of every Service with "
               "externalTrafficPolicy Local that shares it: where the announcing node has none, "
               "pods do not see the client's address. Run pods of all of them on one node, or give "
               "this Service an address of its own"});
    }
  }

  void findDevice() {
    ServedVip& vip = vip_.served;
    const auto& announce = announceOf(vip.ipObjects, sources_.pools);
    const auto* const found =
        net::interfaceFor(vip.address, sources_.local.interfaces, announce.interfaces);
    if (found != nullptr && found->name != sources_.options.bindInterfaces.front()) {
      vip.device = found->name;
    }
  }

  void noteByHand(const model::Service& service) {
    if (sources_.options.trustEndpointsOf.contains(service.key.ns.str())) return;
    const auto slices = sources_.endpoints.of(service.key);
    vip_.byHand = vip_.byHand || std::any_of(slices.begin(), slices.end(), [&](const auto* slice) {
                    return !EndpointAdmission::isDerived(service, *slice);
                  });
  }

  const VipSources& sources_;
  DesiredVip vip_;
  std::set<kube::ObjectKey> refusing_;
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

DesiredVip computeVip(const VipPorts& vipPorts, const VipSources& sources) {
  return Builder(sources).build(vipPorts);
}

VipObjects itemsOf(const IpAddress& vip, Placement placement) {
  if (placement == Placement::kHost) return {{net::BoundAddress{vip, net::kDummyDevice}}, {}};
  const auto route = [&](std::uint32_t table, const net::Pair& pair) {
    return net::Route{IpPrefix::host(vip), table, vip.isIpv4() ? pair.director4 : pair.director6,
                      pair.nodeDevice};
  };
  return {{route(net::kMainTable, net::kInside), route(net::kOutsideTable, net::kOutside)},
          {net::BoundAddress{vip, kDirectorDevice}}};
}

}  // namespace barevip::node
