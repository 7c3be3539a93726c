// SPDX-License-Identifier: Apache-2.0
// Names and numbers of the data path (docs/data-flow.md): what links, rules and sysctls agree on,
// and what to call it when one of them breaks it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "barevip/base/ip.h"

namespace barevip::net {

/// Where IPVS lives.
enum class Placement : std::uint8_t {
  kDirector,  ///< in a network namespace of its own
  kHost,      ///< in the node's, VIPs bound to the bind interface
};

/// Where the daemon finds the balancer namespace: a folder of its own, so that its container need
/// not see the namespaces of others.
inline constexpr const char* kDirectorNamespacePath = "/run/barevip/netns";
/// The same namespace where `ip netns` looks, and where releases before 0.2 had it alone.
inline constexpr const char* kDirectorNamespaceAlias = "/run/netns/barevip";

/// A veth pair between the node's namespace and the balancer namespace.
struct Pair {
  const char* nodeDevice;
  const char* directorDevice;
  IpAddress node4;
  IpAddress director4;
  IpAddress node6;
  IpAddress director6;
};

inline constexpr std::uint8_t kPairLength4 = 30;
inline constexpr std::uint8_t kPairLength6 = 126;

/// 169.254.77.last
inline constexpr IpAddress pairAddress4(std::uint32_t last) {
  return IpAddress::fromNumber(Family::kIpv4, 0xa9fe4d00U | last);
}

/// fd77:6276:6970::last
inline constexpr IpAddress pairAddress6(std::uint32_t last) {
  return IpAddress::fromNumber(Family::kIpv6, (Uint128{0xfd7762766970U} << 80U) | last);
}

/// For packets that came in by the bind interface; the balancer's default routes lead back over it.
inline constexpr Pair kOutside{"bvip-out",      "outside",       pairAddress4(1),
                               pairAddress4(2), pairAddress6(1), pairAddress6(2)};
/// For packets of the node itself and of its pods.
inline constexpr Pair kInside{"bvip-in",       "inside",        pairAddress4(5),
                              pairAddress4(6), pairAddress6(5), pairAddress6(6)};

/// Matches the node's ends of both, as a packet filter spells it.
inline constexpr const char* kNodeDevices = "bvip+";

/// Placement kHost: holds every VIP on every node, so that IPVS sees their packets as local.
inline constexpr const char* kDummyDevice = "barevip0";

/// On the node: connections that came out of the balancer namespace, and their replies on the way
/// back. One bit that others leave free: Calico may use 16 to 31, kube-proxy 14 and 15, the CNI
/// plugin portmap 13, others single ones of 0 to 7. Cilium sets it only together with some of 8 to
/// 11 (bpf/lib/common.h, MARK_MAGIC_*), so that the mask, which has these, distinguishes its marks
/// from ours.
inline constexpr std::uint32_t kReturnMark = 0x1000;
/// Placement kHost, where the other has no use: connections to be masqueraded.
inline constexpr std::uint32_t kMasqueradeMark = 0x1000;
/// Of both.
inline constexpr std::uint32_t kMarkMask = 0x1f00;
/// In the balancer namespace, where nothing else sets marks: connections to be masqueraded.
inline constexpr std::uint32_t kDirectorMasqueradeMark = 0x1;

/// Packets of a family that do not get through, and the setting to blame, as metrics name it.
struct Breakage {
  Family family = Family::kIpv4;
  std::string cause;

  friend bool operator==(const Breakage&, const Breakage&) = default;
  friend auto operator<=>(const Breakage&, const Breakage&) = default;
};

}  // namespace barevip::net
