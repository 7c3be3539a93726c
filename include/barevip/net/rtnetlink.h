// SPDX-License-Identifier: Apache-2.0
// Addresses, routes and proxy neighbours of one network namespace, by rtnetlink.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

namespace barevip::net {

/// The mark of what is ours: rtm_protocol of routes and rules, IFA_PROTO of addresses, NDA_PROTOCOL
/// of proxy neighbours (include/uapi/linux/rtnetlink.h leaves this number to user space).
inline constexpr std::uint8_t kProtocolMark = 118;

/// Routing table of the routes that packets from outside take (docs/data-flow.md), of the way back
/// for connections that keep the client's address, and the priorities of the rules that name them.
inline constexpr std::uint32_t kMainTable = 254;
inline constexpr std::uint32_t kOutsideTable = 11801;
inline constexpr std::uint32_t kReturnTable = 11802;
inline constexpr std::uint32_t kReturnRulePriority = 118;
inline constexpr std::uint32_t kOutsideRulePriority = 119;

/// A host address (/32 or /128) on a device. No duplicate address detection, no prefix route.
struct BoundAddress {
  IpAddress address;
  std::string device;

  friend bool operator==(const BoundAddress&, const BoundAddress&) = default;
  friend auto operator<=>(const BoundAddress&, const BoundAddress&) = default;
};

/// A unicast route by a gateway on a device. The gateway counts as on-link.
struct Route {
  IpPrefix destination;
  std::uint32_t table = kMainTable;
  IpAddress gateway;
  std::string device;

  friend bool operator==(const Route&, const Route&) = default;
  friend auto operator<=>(const Route&, const Route&) = default;
};

/// "ip neigh add proxy": the kernel answers ARP or NDP for the address on the device.
struct ProxyNeighbour {
  IpAddress address;
  std::string device;

  friend bool operator==(const ProxyNeighbour&, const ProxyNeighbour&) = default;
  friend auto operator<=>(const ProxyNeighbour&, const ProxyNeighbour&) = default;
};

/// A routing rule: packets that match look into `table`.
struct Rule {
  Family family = Family::kIpv4;
  std::uint32_t priority = 0;
  std::uint32_t table = 0;
  std::string inputDevice;  ///< empty: any
  std::uint32_t mark = 0;   ///< with markMask
  std::uint32_t markMask = 0;
  bool withoutDefault = false;  ///< the default routes of the table do not count

  friend bool operator==(const Rule&, const Rule&) = default;
  friend auto operator<=>(const Rule&, const Rule&) = default;
};

using NetObject = std::variant<BoundAddress, Route, ProxyNeighbour, Rule>;

/// "route 192.0.2.1/32 via 169.254.77.2 dev barevip-out table 254", for logs.
[[nodiscard]] std::string toString(const NetObject& item);

struct NetOp {
  enum class Kind : std::uint8_t { kAdd, kDelete };
  Kind kind = Kind::kAdd;
  NetObject item;

  friend bool operator==(const NetOp&, const NetOp&) = default;
};

/// A device, as far as placement needs it.
struct Device {
  std::string name;
  std::uint32_t index = 0;
  bool up = false;       ///< IFF_UP
  bool running = false;  ///< carrier
  std::vector<std::byte> mac;

  friend bool operator==(const Device&, const Device&) = default;
};

/// One namespace's view. Not thread-safe: one owner thread.
class Rtnetlink {
 public:
  virtual ~Rtnetlink() = default;

  /// Everything that carries our mark, ascending, without duplicates. Interrupted dumps
  /// (NLM_F_DUMP_INTR) are repeated inside.
  virtual Result<std::vector<NetObject>> dumpOwned() = 0;

  /// All addresses of the namespace, ours and foreign, to see who holds a VIP.
  virtual Result<std::vector<BoundAddress>> dumpAddresses() = 0;

  /// In batches; results in order: 0 or an errno; add of what is there as ours, and delete of what
  /// is gone, are 0. A foreign item in the way is EEXIST and stays untouched. An error means that
  /// the state is unknown: dump again.
  virtual Result<std::vector<int>> apply(std::span<const NetOp> plan) = 0;

  /// kNotFound if there is no such device.
  virtual Result<Device> device(const std::string& name) = 0;
};

}  // namespace barevip::net
