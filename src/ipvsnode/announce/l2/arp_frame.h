// SPDX-License-Identifier: Apache-2.0
// ARP for IPv4 over Ethernet (RFC 826), without the Ethernet header; pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "barevip/base/ip.h"

namespace barevip::host {

using MacAddress = std::array<std::byte, 6>;

/// "02:00:5e:10:00:01"
[[nodiscard]] std::string toString(const MacAddress& mac);

inline constexpr std::size_t kArpSize = 28;

struct ArpPacket {
  enum class Operation : std::uint16_t { kRequest = 1, kReply = 2 };

  Operation operation = Operation::kRequest;
  MacAddress senderMac{};
  IpAddress sender;  ///< IPv4
  MacAddress targetMac{};
  IpAddress target;  ///< IPv4

  friend bool operator==(const ArpPacket&, const ArpPacket&) = default;
};

[[nodiscard]] std::array<std::byte, kArpSize> encode(const ArpPacket& packet);
/// Nothing for what is not an ARP packet for IPv4 over Ethernet. Any bytes; padding behind it is
/// fine.
[[nodiscard]] std::optional<ArpPacket> decodeArp(std::span<const std::byte> bytes);

/// Announcement (RFC 5227, 2.3), as request or as reply: stacks differ in which they believe.
[[nodiscard]] ArpPacket gratuitousArp(ArpPacket::Operation operation, const MacAddress& mac,
                                      const IpAddress& address);
/// "Who has the address?" An unspecified sender makes it a probe (RFC 5227, 2.1.1).
[[nodiscard]] ArpPacket arpQuestion(const MacAddress& mac, const IpAddress& sender,
                                    const IpAddress& address);
/// Whether the packet shows that another machine than `mac` uses the address.
[[nodiscard]] bool ipObjects(const ArpPacket& packet, const IpAddress& address,
                             const MacAddress& mac);

}  // namespace barevip::host
