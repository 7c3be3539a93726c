// SPDX-License-Identifier: Apache-2.0
// What may happen to the nodes of a cluster, as plain values: a history can be printed, shrunk and
// played again. The world is small, so that collisions are the rule.
#pragma once

#include <array>
#include <cstdint>
#include <iosfwd>
#include <variant>
#include <vector>

namespace barevip::node::history {

/// An index into one of the small worlds of names.
using Pick = std::uint8_t;

inline constexpr Pick kNodeCount = 3;
inline constexpr Pick kServiceCount = 4;
inline constexpr Pick kEndpointCount = 3;  ///< of a Service, at most
inline constexpr Pick kVipCount = 9;       ///< see vipOf()

enum class Addresses : std::uint8_t { kIpv4, kIpv6, kBoth, kShared, kCount };
enum class Ports : std::uint8_t { kTcp, kTcpAndUdp, kTwoTcp, kCount };
enum class Forward : std::uint8_t { kMasquerade, kClusterIp, kKubeProxy, kCount };
enum class Sources : std::uint8_t { kAll, kOne, kTwo, kNobody, kCount };

/// Creates the Service, or gives the one of that name another spec. The operator gives it its
/// addresses and makes its IP objects at once.
struct PutService {
  Pick service = 0;
  Addresses addresses = Addresses::kIpv4;
  Ports ports = Ports::kTcp;
  Forward forward = Forward::kMasquerade;
  Sources sources = Sources::kAll;
  bool local = false;   ///< externalTrafficPolicy: Local
  bool sticky = false;  ///< sessionAffinity: ClientIP
  bool hashed = false;  ///< scheduler mh
};
/// With its IP objects; its EndpointSlices stay.
struct DeleteService {
  Pick service = 0;
};

enum class PodState : std::uint8_t { kAbsent, kReady, kTerminating, kUnready, kCount };
struct Pod {
  PodState state = PodState::kAbsent;
  Pick node = 0;
};
struct PutPods {
  Pick service = 0;
  std::array<Pod, kEndpointCount> pods;
};

/// The IP objects of the Service are deleted and made anew: they name no node.
struct LoseRecords {
  Pick service = 0;
};

/// The label node.kubernetes.io/exclude-from-external-load-balancers.
struct Exclude {
  Pick node = 0;
  bool is = true;
};

/// What writes to a node: each may have its faults.
enum class Writer : std::uint8_t {
  kIpvs,
  kAddresses,
  kRoutes,
  kNeighbours,  ///< proxy ARP and NDP
  kRules,
  kBalancer,  ///< addresses of the balancer namespace
  kFilter,
  kAnnouncer,  ///< packets to neighbours
  kCount
};
enum class Fault : std::uint8_t {
  kRefuses,
  kRefusesOneVip,  ///< what is for the VIP of the number
  kSocketDies,     ///< once, after so many writes
  kCannotRead,
  kCount
};
/// From now on.
struct Break {
  Pick node = 0;
  Writer writer = Writer::kIpvs;
  Fault fault = Fault::kRefuses;
  Pick number = 0;
};
/// All writers of the node work again.
struct Mend {
  Pick node = 0;
};
/// The kernel no longer forwards IPv4 (a sysctl, say), or forwards it again.
struct HostFindings {
  Pick node = 0;
  bool broken = true;
};
struct Carrier {
  Pick node = 0;
  bool down = true;
};

/// The daemon dies after so many more writes, and is started again.
struct Crash {
  Pick node = 0;
  Pick writes = 0;
};
/// The daemon is killed; or it ends in order, and asks the others to wait for the next one.
struct Stop {
  Pick node = 0;
  bool inOrder = false;
};
/// The daemon is started, after a kill if it runs; the machine, too, if it has no power.
struct Start {
  Pick node = 0;
};
/// The kernel forgets all.
struct PowerLoss {
  Pick node = 0;
};

enum class Reach : std::uint8_t { kNormal, kSlow, kAway, kCount };
/// How the daemon of the node reaches the API server from now on.
struct Api {
  Pick node = 0;
  Reach reach = Reach::kNormal;
};

enum class Hand : std::uint8_t {
  kDeleteServer,
  kDeleteReal,
  kWeighReal,
  kAddReal,
  kChangeScheduler,
  kClearIpvs,
  kTimeouts,
  kDeleteItem,          ///< an address, route, neighbour or rule of ours
  kDeleteBalancerItem,  ///< an address of ours in the balancer namespace
  kWipeFilter,
  kLeaveItem,  ///< something with our mark that nobody wants, as an earlier daemon's
  kCount
};
/// Somebody changes by hand what barevip has in the kernel: this one of what there is.
struct Tamper {
  Pick node = 0;
  Hand hand = Hand::kDeleteServer;
  Pick number = 0;
};

enum class Foreign : std::uint8_t {
  kAddress,    ///< the VIP on another device
  kRoute,      ///< to the VIP by another gateway
  kNeighbour,  ///< another proxy neighbour for it
  kServer,     ///< a virtual server on it, without the balancer namespace
  kCount
};
/// Somebody else has something of that VIP in the kernel of the node, or has it no more.
struct PutForeign {
  Pick node = 0;
  Foreign what = Foreign::kAddress;
  Pick vip = 0;
  bool gone = false;
};
/// Another machine of the network answers for the VIP, or no more.
struct Stranger {
  Pick vip = 0;
  bool gone = false;
};
/// Clients are connected with this one of the real servers that there are, or no more.
struct Connect {
  Pick node = 0;
  Pick number = 0;
  bool gone = false;
};

using Deed = std::variant<PutService, DeleteService, PutPods, LoseRecords, Exclude, Break, Mend,
                          HostFindings, Carrier, Crash, Stop, Start, PowerLoss, Api, Tamper,
                          PutForeign, Stranger, Connect>;

struct Event {
  Deed deed;
  Pick wait = 0;  ///< how long until the next one, an index into kWaits
};
inline constexpr std::array<int, 7> kWaits{0, 200, 1'000, 3'000, 8'000, 20'000, 40'000};  ///< in ms

/// What becomes of the last node when all else calms down.
enum class End : std::uint8_t { kWell, kNoPower, kNoDaemon, kCount };

struct History {
  bool host = false;     ///< --placement=host
  bool lacksMh = false;  ///< the kernel of the last node has no scheduler mh
  std::vector<Event> events;
  End end = End::kWell;
};

/// A table: when, where, what.
std::ostream& operator<<(std::ostream& out, const History& history);

}  // namespace barevip::node::history
