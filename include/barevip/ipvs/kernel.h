// SPDX-License-Identifier: Apache-2.0
// Programming of IPVS: the seam between what a node should do and the kernel.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/model/service.h"

namespace barevip::ipvs {

using model::Protocol;

/// Identity of a virtual server within one network namespace.
struct VirtualServerKey {
  IpAddress vip;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;

  friend bool operator==(const VirtualServerKey&, const VirtualServerKey&) = default;
  friend auto operator<=>(const VirtualServerKey&, const VirtualServerKey&) = default;
};

/// Flags as in <linux/ip_vs.h>, without IP_VS_SVC_F_HASHED, which the kernel sets by itself.
inline constexpr std::uint32_t kPersistent = 0x1;
inline constexpr std::uint32_t kSchedulerFlag1 = 0x8;   ///< mh-fallback, sh-fallback
inline constexpr std::uint32_t kSchedulerFlag2 = 0x10;  ///< mh-port, sh-port

/// What may change of a virtual server without losing its connections.
struct VirtualServerOptions {
  std::string scheduler = "rr";
  std::uint32_t flags = 0;
  std::uint32_t persistenceSeconds = 0;  ///< with kPersistent

  friend bool operator==(const VirtualServerOptions&, const VirtualServerOptions&) = default;
};

/// Identity of a real server within its virtual server.
struct RealServerKey {
  IpAddress address;
  std::uint16_t port = 0;

  friend bool operator==(const RealServerKey&, const RealServerKey&) = default;
  friend auto operator<=>(const RealServerKey&, const RealServerKey&) = default;
};

/// Masquerading (NAT) real server: the only forwarding method so far.
struct RealServer {
  RealServerKey key;
  std::uint32_t weight = 1;             ///< 0: draining, no new connections
  std::uint32_t activeConnections = 0;  ///< from dumps; not part of equality
  std::uint32_t inactiveConnections = 0;
  bool foreignMethod = false;  ///< from dumps: not masquerading, needs a set

  friend bool operator==(const RealServer& a, const RealServer& b) {
    return a.key == b.key && a.weight == b.weight && a.foreignMethod == b.foreignMethod;
  }
};

struct VirtualServer {
  VirtualServerKey key;
  VirtualServerOptions options;
  std::vector<RealServer> realServers;  ///< ascending by key

  friend bool operator==(const VirtualServer&, const VirtualServer&) = default;
};

/// How long IPVS remembers a connection without packets: one setting for all virtual servers of a
/// namespace. 0 from the kernel: it has no such protocol. 0 in a wish: whatever the kernel has.
struct Timeouts {
  std::chrono::seconds tcp{0};     ///< established
  std::chrono::seconds tcpFin{0};  ///< after the FIN of the server
  std::chrono::seconds udp{0};

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// True if the kernel has what is wished for, as far as it can.
[[nodiscard]] bool fulfils(const Timeouts& kernel, const Timeouts& wish);

/// One change. A plan is a vector of these in the order to be applied.
struct Op {
  enum class Kind : std::uint8_t {
    kAddVirtualServer,
    kSetVirtualServer,
    kDeleteVirtualServer,
    kAddRealServer,
    kSetRealServer,
    kDeleteRealServer,
  };

  Kind kind = Kind::kAddVirtualServer;
  VirtualServerKey virtualServer;
  VirtualServerOptions options;  ///< k(Add|Set)VirtualServer
  RealServerKey realServer;      ///< k*RealServer
  std::uint32_t weight = 1;      ///< k(Add|Set)RealServer

  friend bool operator==(const Op&, const Op&) = default;
};

/// "add TCP 192.0.2.1:80 rr", for logs.
[[nodiscard]] std::string toString(const VirtualServerKey& key);
[[nodiscard]] std::string toString(const Op& op);
/// "tcp 7260s, tcp-fin 120s, udp 300s", without what is 0.
[[nodiscard]] std::string toString(const Timeouts& timeouts);

/// Outcome of one op: 0, or the kernel's errno. Not an error: an add of what is there already in
/// that very form, and a delete of what is gone; implementations map both to 0.
using OpResult = int;

/// What failed and how to fix it: "cannot add TCP 192.0.2.1:80 mh: the kernel has no scheduler mh:
/// modprobe ip_vs_mh". `result` is not 0.
[[nodiscard]] std::string explain(const Op& op, OpResult result);

/// The kernel's IPVS table of one network namespace.
///
/// Not thread-safe: one owner thread, because IPVS dumps are not snapshots: a concurrent writer
/// makes them skip or repeat entries without a flag (net/netfilter/ipvs/ip_vs_ctl.c).
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// All virtual servers with their real servers, ascending by key, without duplicates. Entries by
  /// firewall mark are left out: they are never ours.
  virtual Result<std::vector<VirtualServer>> dump() = 0;

  /// Sends the plan in batches and waits for the kernel; results in the order of the plan. A failed
  /// op does not stop those after it. An error means that the socket failed and the state is
  /// unknown: dump again.
  virtual Result<std::vector<OpResult>> apply(std::span<const Op> plan) = 0;

  virtual Result<Timeouts> timeouts() = 0;
  /// They count for connections from now on, and for others from their next packet.
  virtual Result<void> setTimeouts(const Timeouts& wish) = 0;
};

}  // namespace barevip::ipvs
