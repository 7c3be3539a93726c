// SPDX-License-Identifier: Apache-2.0
#include "cli/view/client_path.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "barevip/model/forwarding.h"

#include "ipvsnode/desired/desired.h"
#include "ipvsnode/desired/endpoints.h"
#include "ipvsnode/desired/source_ranges.h"
#include "view/vips.h"

namespace barevip::cli {
namespace {

using model::ForwardMode;

// Why objects do not show which endpoint IPVS chooses, by net/netfilter/ipvs/ip_vs_*.c.
std::string whyNotKnown(const node::VipPort& vipPort, const std::string& scheduler) {
  if (vipPort.service->affinitySeconds > 0) {
    return "sessionAffinity sends a client to its last endpoint, and only the kernel of the owner "
           "knows which one that is";
  }
  if (!vipPort.service->annotations.contains(std::string(model::kSchedulerAnnotation))) {
    return "the node daemons choose the scheduler (rr by default), and only the kernel of the "
           "owner "
           "knows which endpoint is next";
  }
  const std::string by = "scheduler " + scheduler + " ";
  if (scheduler == "rr" || scheduler == "wrr") {
    return by + "takes turns, and only the kernel of the owner knows which endpoint is next";
  }
  if (scheduler == "sh" || scheduler == "mh") {
    return by +
           "sends this address to the same endpoint each time, but which one depends on the order "
           "in which the kernel got them";
  }
  if (scheduler == "dh") {
    return by +
           "sends all clients of the VIP to the same endpoint, but which one depends on the order "
           "in which the kernel got them";
  }
  return by +
         "compares how many connections each endpoint has, which only the kernel of the owner "
         "knows";
}

/// The paths of one client to one Service.
class Paths {
 public:
  Paths(const view::Cluster& cluster, const Client& client)
      : cluster_(cluster), client_(client), forwarding_(view::forwardingOf(cluster)) {}

  /// IPVS has none of those that kube-proxy forwards.
  [[nodiscard]] std::vector<ClientPath> all(const kube::ObjectKey& service) const {
    std::vector<ClientPath> found;
    const Family family = client_.address.family();
    for (const node::VipPort& each : forwarding_.desired.vipPorts) {
      const bool sameFamily = each.key.vip.family() == family;
      if (sameFamily && each.service->key == service) found.push_back(to(each));
    }
    for (const node::ServedVip& vip : forwarding_.vips.served) {
      if (!vip.byKubeProxy || vip.address.family() != family) continue;
      if (const auto served = find(vip, service)) found.push_back(byKubeProxy(vip, *served));
    }
    return found;
  }

 private:
  static std::shared_ptr<const model::Service> find(const node::ServedVip& vip,
                                                    const kube::ObjectKey& service) {
    const auto found = std::find_if(vip.services.begin(), vip.services.end(),
                                    [&](const auto& each) { return each->key == service; });
    return found == vip.services.end() ? nullptr : *found;
  }

  [[nodiscard]] ClientPath byKubeProxy(const node::ServedVip& vip,
                                       const model::Service& service) const {
    ClientPath path{vip.address.toString(), ownerOf(forwarding_.vips, vip.address), {}, {}, {}};
    if (path.node.empty()) {
      path.why = noneMayAnnounce(vip.address);
    } else if (!kubeProxyAdmits(service)) {
      path.why = notAdmitted();
    } else {
      path.why = "kube-proxy of " + path.node + " chooses the endpoint";
    }
    return path;
  }

  // It knows no limit of ranges, and those of the other family alone close nothing there: it sorts
  // them by family first (pkg/proxy/serviceport.go).
  [[nodiscard]] bool kubeProxyAdmits(const model::Service& service) const {
    bool open = true;
    for (const std::string& text : service.sourceRanges) {
      const auto range = node::parseSourceRange(text);
      if (!range || range->network.family() != client_.address.family()) continue;
      if (range->range().contains(client_.address)) return true;
      open = false;
    }
    return open;
  }

  [[nodiscard]] bool admits(const net::SourceRanges& guard) const {
    return std::any_of(guard.allowed.begin(), guard.allowed.end(), [&](const IpPrefix& each) {
      return each.range().contains(client_.address);
    });
  }

  [[nodiscard]] std::string notAdmitted() const {
    return "loadBalancerSourceRanges of the Service do not admit " + client_.address.toString();
  }

  static std::string noneMayAnnounce(const IpAddress& vip) {
    return "no node may announce " + vip.toString();
  }

  [[nodiscard]] ClientPath to(const node::VipPort& vipPort) const {
    ClientPath path{ipvs::toString(vipPort.key), {}, {}, {}, {}};
    path.node = ownerOf(forwarding_.vips, vipPort.key.vip);
    if (path.node.empty()) {
      path.why = noneMayAnnounce(vipPort.key.vip);
    } else if (!admits(vipPort)) {
      path.why = notAdmitted();
    } else {
      choose(vipPort, path);
    }
    return path;
  }

  [[nodiscard]] bool admits(const node::VipPort& vipPort) const {
    for (const net::SourceRanges& guard : forwarding_.desired.filter.sourceRanges) {
      if (guard.virtualServer == vipPort.key) return admits(guard);
    }
    return true;
  }

  void choose(const node::VipPort& vipPort, ClientPath& path) const {
    const node::DesiredState desired = desiredOn(cluster_, path.node);
    const auto& servers = desired.virtualServers;
    const auto server = std::find_if(servers.begin(), servers.end(),
                                     [&](const auto& each) { return each.key == vipPort.key; });
    if (server != servers.end()) {
      for (const ipvs::RealServer& real : server->realServers) {
        if (real.weight > 0) path.candidates.push_back(node::endpointText(real.key));
      }
    }
    if (path.candidates.empty()) {
      path.why = path.node + " has no endpoint for new connections";
    } else if (vipPort.service->forward == ForwardMode::kClusterIp) {
      path.why = "this is the clusterIP, behind which kube-proxy of " + path.node +
                 " chooses the endpoint";
    } else if (path.candidates.size() == 1) {
      path.endpoint = path.candidates.front();
      path.candidates.clear();
    } else {
      path.why = whyNotKnown(vipPort, server->options.scheduler);
    }
  }

  const view::Cluster& cluster_;
  const Client& client_;
  const view::Forwarding forwarding_;
};

}  // namespace

std::string Client::toString() const {
  const std::string host = address.toString();
  return (address.family() == Family::kIpv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Client> parseClient(const std::string& text) {
  const auto fault = [&] {
    return fail(ErrorCode::kInvalid, "\"" + text + "\" is not a client: write it like " +
                                         "192.0.2.7:40000 or [2001:db8::7]:40000");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return fault();
  std::string host = text.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address || (address->family() == Family::kIpv6) != bracketed) return fault();
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end || port == 0) return fault();
  return Client{*address, port};
}

std::vector<ClientPath> pathsOf(const view::Cluster& cluster, const kube::ObjectKey& service,
                                const Client& client) {
  return Paths(cluster, client).all(service);
}

}  // namespace barevip::cli
