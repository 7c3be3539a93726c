// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/l2/ndp_packet.h"

#include <algorithm>
#include <cstdint>

namespace barevip::host {

namespace {

constexpr std::byte kSolicitationType{135};
constexpr std::byte kAdvertisementType{136};
constexpr std::byte kSourceOption{1};
constexpr std::byte kTargetOption{2};
constexpr std::byte kSolicitedFlag{0x40};
constexpr std::byte kOverrideFlag{0x20};

constexpr std::size_t kFlagsOffset = 4;
constexpr std::size_t kTargetOffset = 8;
constexpr std::size_t kOptionsOffset = 24;
constexpr std::size_t kOptionUnit = 8;  ///< option lengths count in eight bytes

std::array<std::byte, kNdpSize> message(std::byte type, std::byte flags, const IpAddress& address,
                                        std::byte option, const MacAddress& mac) {
  std::array<std::byte, kNdpSize> bytes{};
  bytes[0] = type;
  bytes[kFlagsOffset] = flags;
  const auto target = address.bytes();
  std::copy(target.begin(), target.end(), bytes.begin() + kTargetOffset);
  bytes[kOptionsOffset] = option;
  bytes[kOptionsOffset + 1] = std::byte{1};
  std::copy(mac.begin(), mac.end(), bytes.begin() + kOptionsOffset + 2);
  return bytes;
}

}  // namespace

std::array<std::byte, kNdpSize> unsolicitedAdvertisement(const IpAddress& address,
                                                         const MacAddress& mac) {
  return message(kAdvertisementType, kOverrideFlag, address, kTargetOption, mac);
}

std::array<std::byte, kNdpSize> solicitation(const IpAddress& address, const MacAddress& mac) {
  return message(kSolicitationType, std::byte{0}, address, kSourceOption, mac);
}

IpAddress solicitedNodeMulticast(const IpAddress& address) {
  constexpr Uint128 kPrefix = (Uint128{0xff02} << 112U) | (Uint128{0x1ff} << 24U);
  return IpAddress::fromNumber(Family::kIpv6, kPrefix | (address.number() & 0xffffffU));
}

std::optional<NeighbourAdvertisement> decodeAdvertisement(std::span<const std::byte> bytes) {
  if (bytes.size() < kOptionsOffset || bytes[0] != kAdvertisementType || bytes[1] != std::byte{0}) {
    return std::nullopt;
  }
  const auto target = IpAddress::fromBytes(bytes.subspan(kTargetOffset, 16));
  if (!target || target->isMulticast()) return std::nullopt;
  NeighbourAdvertisement advertisement;
  advertisement.target = *target;
  advertisement.solicited = (bytes[kFlagsOffset] & kSolicitedFlag) != std::byte{0};
  advertisement.override = (bytes[kFlagsOffset] & kOverrideFlag) != std::byte{0};
  std::span<const std::byte> options = bytes.subspan(kOptionsOffset);
  while (!options.empty()) {
    if (options.size() < 2) return std::nullopt;
    const std::size_t size = std::to_integer<std::size_t>(options[1]) * kOptionUnit;
    if (size == 0 || size > options.size()) return std::nullopt;
    if (options[0] == kTargetOption && size == kOptionUnit) {
      std::copy_n(options.begin() + 2, 6, advertisement.mac.emplace().begin());
    }
    options = options.subspan(size);
  }
  return advertisement;
}

}  // namespace barevip::host
