// SPDX-License-Identifier: Apache-2.0
// Neighbour discovery messages (RFC 4861) from the ICMPv6 header on; pure. The checksum is zero:
// the kernel fills it in for ICMPv6 sockets (RFC 3542, 3.1) and has verified what it delivers.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "barevip/base/ip.h"

#include "ipvsnode/announce/l2/arp_frame.h"

namespace barevip::host {

inline constexpr std::size_t kNdpSize = 32;

/// Neighbour advertisement nobody asked for, with the override flag (RFC 4861, 7.2.6).
[[nodiscard]] std::array<std::byte, kNdpSize> unsolicitedAdvertisement(const IpAddress& address,
                                                                       const MacAddress& mac);
/// Neighbour solicitation (RFC 4861, 4.3) with our hardware address as source.
[[nodiscard]] std::array<std::byte, kNdpSize> solicitation(const IpAddress& address,
                                                           const MacAddress& mac);
/// Where a solicitation for the address goes: ff02::1:ffXX:XXXX (RFC 4291, 2.7.1).
[[nodiscard]] IpAddress solicitedNodeMulticast(const IpAddress& address);

struct NeighbourAdvertisement {
  IpAddress target;
  bool solicited = false;
  bool override = false;
  std::optional<MacAddress> mac;  ///< target link-layer address option

  friend bool operator==(const NeighbourAdvertisement&, const NeighbourAdvertisement&) = default;
};

/// Nothing for anything else. Any bytes; a malformed option makes it nothing (RFC 4861, 7.1.2).
[[nodiscard]] std::optional<NeighbourAdvertisement> decodeAdvertisement(
    std::span<const std::byte> bytes);

}  // namespace barevip::host
