// SPDX-License-Identifier: Apache-2.0
// The interfaces of a node that face clients, and which of them an address is announced on. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/net/data_path.h"

namespace barevip::net {

/// One interface of --bind-iface, as it is now.
struct BindInterface {
  std::string name;
  /// The networks of its addresses, ascending; not those of one address or of link-local ones.
  std::vector<IpPrefix> subnets{};
  /// By which its default routes lead, at most one of each family. Only of the node itself: the
  /// Lease does not publish them.
  std::vector<IpAddress> gateways{};
  bool running = true;  ///< up, with carrier

  friend bool operator==(const BindInterface&, const BindInterface&) = default;
};

/// In the order of the flag: what no rule assigns to another interface goes to the first.
using BindInterfaces = std::vector<BindInterface>;

/// Each has a mark of its own, see entryMark().
inline constexpr std::size_t kMaxBindInterfaces = 8;

[[nodiscard]] bool isInSubnetOf(const BindInterface& one, const IpAddress& address);

/// Where an address is announced and asked for: among those in `names`, which may be all (empty),
/// the interface in whose subnet it is, by the longest prefix; else the first. Null: none of them
/// is named. Valid as long as `all`.
[[nodiscard]] const BindInterface* interfaceFor(const IpAddress& address, const BindInterfaces& all,
                                                const std::vector<std::string>& names = {});

/// "eth0 192.0.2.0/24 eth1 198.51.100.0/24 /down", for the Lease. A name has neither spaces nor
/// slashes (dev_valid_name in net/core/dev.c).
[[nodiscard]] std::string toText(const BindInterfaces& all);
/// Any text: what it cannot read is left out, and what is beyond kMaxBindInterfaces.
[[nodiscard]] BindInterfaces readBindInterfaces(std::string_view text);

/// On a node with several bind interfaces: connections to VIPs that came in by the one at this
/// index, so that their replies leave by it. Within kMarkMask and apart from kReturnMark; Cilium
/// sets the highest of these bits together with 0xd00 and 0xe00 alone (bpf/lib/common.h).
[[nodiscard]] constexpr std::uint32_t entryMark(std::size_t index) {
  return kReturnMark | (static_cast<std::uint32_t>(index + 1) << 8U);
}
/// The table of its default route.
[[nodiscard]] constexpr std::uint32_t entryTable(std::size_t index) {
  return 11811U + static_cast<std::uint32_t>(index);
}
/// First the routes of the main table without the default ones, then that table.
inline constexpr std::uint32_t kEntryRulePriority = 116;
inline constexpr std::uint32_t kEntryDefaultPriority = 117;

}  // namespace barevip::net
