// SPDX-License-Identifier: Apache-2.0
// What the kernel of this node should hold: a function of the cluster and the options. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "barevip/ipvs/kernel.h"
#include "barevip/net/bind_interfaces.h"
#include "barevip/net/data_path.h"
#include "barevip/net/packet_filter.h"
#include "barevip/net/rtnetlink.h"

#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/desired/problem.h"
#include "ipvsnode/desired/vip_ports.h"

namespace barevip::node {

using net::Placement;

/// Placement::kDirector: the device of the balancer namespace that holds the VIPs.
inline constexpr const char* kDirectorDevice = "lo";

struct DesiredOptions {
  std::string nodeName;
  Placement placement = Placement::kDirector;
  std::vector<std::string> bindInterfaces;  ///< as net::BindInterfaces; at least one
  std::string scheduler = "rr";
  ipvs::Timeouts timeouts;
  model::ClassRules classes;
  /// Namespaces whose EndpointSlices may lead to machines of the cluster, see EndpointAdmission.
  std::set<std::string> trustEndpointsOf;
  bool ipv6 = true;  ///< the node has IPv6; without it VIPs of that family are a Problem
};

/// What else is known of this node's kernel when the desired state is computed.
struct LocalFacts {
  /// Addresses that something else holds here, and what.
  std::map<IpAddress, std::string> held;
  /// The node's default gateways.
  std::set<IpAddress> gateways;
  /// What the bind interfaces are like; empty: not known, all VIPs go by the first.
  net::BindInterfaces interfaces{};
  /// Schedulers that the kernel refused; the default takes their place.
  std::set<std::string> missingSchedulers;
};

/// One address with the Services that have ports on it, which may be several. All but servedHere
/// and device is the same on every node.
struct ServedVip {
  IpAddress address;
  std::vector<std::shared_ptr<const model::Service>> services;  ///< each once, ascending by key
  /// Bound IP objects that record the address for one of them; each once, ascending by key.
  std::vector<std::shared_ptr<const model::IpObject>> ipObjects;
  /// The nodes that have endpoints for any Service with externalTrafficPolicy Local, and for each
  /// of them; Services that have endpoints nowhere do not count. Empty: any node will do.
  std::set<std::string> endpointNodes;
  std::set<std::string> commonNodes;
  /// False: something else holds the address on this node, the node itself speaks with it, it has
  /// no IPv6, or cannot forward as a Service asks for.
  bool servedHere = true;
  bool byKubeProxy = false;  ///< it has announcements and nothing else
  /// A node without such an endpoint drops what comes there, so that none but endpointNodes may
  /// announce: kube-proxy and externalTrafficPolicy Local.
  bool endpointNodesOnly = false;
  /// The bind interface on which this node announces it; empty: the first.
  std::string device{};
};

/// Whose announcement waits for something in the kernel: one VIP's, or that of all of a family.
using Beneficiary = std::variant<IpAddress, Family>;
using NetObjects = std::map<net::NetObject, Beneficiary>;
[[nodiscard]] std::set<net::NetObject> itemsOf(const NetObjects& items);

struct DesiredState {
  std::vector<ServedVip> vips;                      ///< ascending; all of the cluster
  std::vector<ipvs::VirtualServer> virtualServers;  ///< ascending
  /// What virtual servers are for; ascending by key. Also of VIPs that are held back. None of a VIP
  /// that kube-proxy forwards.
  std::vector<VipPort> vipPorts;
  ipvs::Timeouts timeouts;
  net::FilterState filter;
  NetObjects balancerObjects;  ///< empty with Placement::kHost
  NetObjects nodeObjects;      ///< forwarding: dummy addresses, routes, rules
  /// In the node namespace; what neighbours get answers from.
  std::map<IpAddress, net::NetObject> announcements;
  std::vector<Problem> problems;  ///< ascending
};

/// The schedulers of Linux (net/netfilter/ipvs/ip_vs_*.c).
[[nodiscard]] bool isScheduler(std::string_view name);

/// The flags that a scheduler needs so that a draining real server does not lose new clients:
/// mh-fallback with mh-port, sh-fallback.
[[nodiscard]] std::uint32_t schedulerFlags(std::string_view name);

/// All but the announcements.
[[nodiscard]] DesiredState computeDesired(const ClusterState& cluster,
                                          const DesiredOptions& options, const LocalFacts& local);

/// What the node's namespace should hold of barevip, the announcements included.
[[nodiscard]] std::set<net::NetObject> wantedOnNode(const DesiredState& desired);

[[nodiscard]] const std::string& deviceOf(const ServedVip& vip, const DesiredOptions& options);

/// The item that makes this node answer for a VIP that IPVS forwards on the first bind interface.
[[nodiscard]] net::NetObject announcementOf(const IpAddress& vip, const DesiredOptions& options);

/// The same for any VIP. One that kube-proxy forwards is an address of its bind interface: so the
/// kernel answers for it and takes its packets, with and without an address of kube-proxy's own
/// elsewhere (proxy neighbours answer for routes only, net/ipv4/arp.c).
[[nodiscard]] net::NetObject announcementOf(const ServedVip& vip, const DesiredOptions& options);

/// The VIP for which announcementOf makes the item with these options on some bind interface, if it
/// does.
[[nodiscard]] std::optional<IpAddress> announcedVip(const net::NetObject& item,
                                                    const DesiredOptions& options);

/// Whether one of these items, of barevip in the node's namespace, announces the VIP.
[[nodiscard]] bool isAnnouncedBy(const std::set<net::NetObject>& nodeItems, const IpAddress& vip,
                                 const DesiredOptions& options);

/// True for an item of barevip in the node's namespace that announcementOf made, whatever the
/// options were then. In the balancer namespace nothing announces.
[[nodiscard]] bool isAnnouncement(const net::NetObject& nodeItem);

}  // namespace barevip::node
