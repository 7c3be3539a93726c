// SPDX-License-Identifier: Apache-2.0
// Addresses as netlink attributes carry them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "barevip/base/ip.h"

namespace barevip::netlink {

/// An address of the family AF_INET or AF_INET6 in network byte order. Bytes beyond its size are
/// padding: IPVS answers 16 for IPv4 as well. nullopt if there are too few or the family is
/// another. IPv4-mapped IPv6 addresses, which IpAddress::parse refuses, are taken as they are: the
/// kernel may hold such of others.
[[nodiscard]] std::optional<IpAddress> decodeAddress(std::uint16_t family,
                                                     std::span<const std::byte> bytes);

}  // namespace barevip::netlink
