// SPDX-License-Identifier: Apache-2.0
// IP addresses, ranges and prefixes as values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "barevip/base/result.h"

namespace barevip {

__extension__ using Uint128 = unsigned __int128;

/// Decimal text of a count; IPv6 pools outgrow 64 bits.
[[nodiscard]] std::string toString(Uint128 value);

enum class Family : std::uint8_t { kIpv4, kIpv6 };

/// "IPv4" or "IPv6", as Kubernetes spells it.
[[nodiscard]] std::string_view toString(Family family);

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are refused by parse, since two spellings of
/// one address would be two holders. Ordered by family, then numerically.
class IpAddress {
 public:
  constexpr IpAddress() = default;

  /// Strict text form: dotted quad without leading zeros, or RFC 4291 IPv6 without a zone.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  /// From network byte order; 4 or 16 bytes, else kInvalid.
  [[nodiscard]] static Result<IpAddress> fromBytes(std::span<const std::byte> bytes);
  /// IPv4 uses the low 32 bits of value.
  [[nodiscard]] static constexpr IpAddress fromNumber(Family family, Uint128 value) {
    IpAddress address;
    address.family_ = family;
    address.high_ = static_cast<std::uint64_t>(value >> 64U);
    address.low_ = static_cast<std::uint64_t>(value);
    return address;
  }

  [[nodiscard]] constexpr Family family() const { return family_; }
  [[nodiscard]] constexpr bool isIpv4() const { return family_ == Family::kIpv4; }
  [[nodiscard]] constexpr Uint128 number() const { return Uint128{high_} << 64U | low_; }
  /// 32 or 128: the length of a host prefix.
  [[nodiscard]] constexpr std::uint8_t bits() const { return isIpv4() ? 32 : 128; }
  /// Network byte order; the first size() bytes count.
  [[nodiscard]] std::array<std::byte, 16> bytes() const;
  [[nodiscard]] constexpr std::size_t size() const { return isIpv4() ? 4U : 16U; }

  [[nodiscard]] bool isUnspecified() const { return number() == 0; }
  [[nodiscard]] bool isLoopback() const;
  [[nodiscard]] bool isMulticast() const;
  [[nodiscard]] bool isLinkLocal() const;

  /// Canonical text (RFC 5952 for IPv6).
  [[nodiscard]] std::string toString() const;

  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;
  friend constexpr std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    if (a.family_ != b.family_) return a.family_ <=> b.family_;
    if (a.high_ != b.high_) return a.high_ <=> b.high_;
    return a.low_ <=> b.low_;
  }

 private:
  // Not one of 128 bits, whose alignment would add eight bytes to each address.
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
  Family family_ = Family::kIpv4;
};

/// An inclusive range within one family, first <= last.
struct IpRange {
  IpAddress first;
  IpAddress last;

  /// One address, `first-last` (spaces around the dash allowed) or a CIDR prefix without host bits.
  /// The error says which rule the text breaks and shows the right form where there is one.
  [[nodiscard]] static Result<IpRange> parse(std::string_view text);

  [[nodiscard]] Family family() const { return first.family(); }
  [[nodiscard]] bool contains(const IpAddress& address) const {
    return first <= address && address <= last;
  }
  [[nodiscard]] bool overlaps(const IpRange& other) const {
    return first <= other.last && other.first <= last;
  }
  /// Number of addresses minus one, so that ::/0 fits.
  [[nodiscard]] Uint128 sizeMinusOne() const { return last.number() - first.number(); }
  [[nodiscard]] std::string toString() const;

  friend bool operator==(const IpRange&, const IpRange&) = default;
  friend auto operator<=>(const IpRange&, const IpRange&) = default;
};

/// What can be no virtual address on a network: unspecified, loopback, link-local, multicast,
/// broadcast and IPv4-mapped addresses (RFC 6890). No two overlap.
[[nodiscard]] std::span<const IpRange> unusableRanges();

/// A network prefix; host bits are zero.
struct IpPrefix {
  IpAddress network;
  std::uint8_t length = 0;

  /// `address/length`; a bare address is a host prefix. Host bits are an error.
  [[nodiscard]] static Result<IpPrefix> parse(std::string_view text);
  /// The same, but host bits are dropped: the network that the address is in.
  [[nodiscard]] static Result<IpPrefix> parseNetwork(std::string_view text);
  [[nodiscard]] static IpPrefix host(const IpAddress& address) { return {address, address.bits()}; }
  [[nodiscard]] IpRange range() const;
  [[nodiscard]] std::string toString() const;

  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

}  // namespace barevip

template <>
struct std::hash<barevip::IpAddress> {
  std::size_t operator()(const barevip::IpAddress& address) const noexcept {
    const auto low = static_cast<std::uint64_t>(address.number());
    const auto high = static_cast<std::uint64_t>(address.number() >> 64U);
    return std::hash<std::uint64_t>{}(low ^ (high * 0x9e3779b97f4a7c15ULL));
  }
};
