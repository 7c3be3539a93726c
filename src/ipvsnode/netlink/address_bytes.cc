// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/address_bytes.h"

#include <sys/socket.h>

namespace barevip::netlink {

std::optional<IpAddress> decodeAddress(std::uint16_t family, std::span<const std::byte> bytes) {
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  const std::size_t size = family == AF_INET ? 4 : 16;
  if (bytes.size() < size) return std::nullopt;
  Uint128 value = 0;
  for (const std::byte byte : bytes.first(size)) {
    value = value << 8U | std::to_integer<unsigned>(byte);
  }
  return IpAddress::fromNumber(family == AF_INET ? Family::kIpv4 : Family::kIpv6, value);
}

}  // namespace barevip::netlink
