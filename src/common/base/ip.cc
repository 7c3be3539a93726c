// SPDX-License-Identifier: Apache-2.0
#include "barevip/base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "common/base/utf8.h"

namespace barevip {
namespace {

constexpr std::size_t kMaxText = 100;  // longer than two IPv6 addresses and a dash

Uint128 hostMask(std::uint8_t bits, std::uint8_t length) {
  if (length == 0) return bits == 128 ? ~Uint128{0} : (Uint128{1} << bits) - 1;
  return (Uint128{1} << (bits - length)) - 1;
}

// As the CRD's rules do, so that what the API server took is not refused here.
std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct Block {
  Family family;
  unsigned shift;  ///< host bits
  Uint128 prefix;  ///< the network's number >> shift

  [[nodiscard]] constexpr IpRange range() const {
    const Uint128 first = prefix << shift;
    const Uint128 last = first + ((Uint128{1} << shift) - 1);
    return {IpAddress::fromNumber(family, first), IpAddress::fromNumber(family, last)};
  }
};

constexpr std::array<IpRange, 10> kUnusable{
    Block{Family::kIpv4, 24, 0}.range(),           // 0.0.0.0/8
    Block{Family::kIpv4, 24, 127}.range(),         // 127.0.0.0/8
    Block{Family::kIpv4, 16, 0xa9fe}.range(),      // 169.254.0.0/16
    Block{Family::kIpv4, 28, 0xe}.range(),         // 224.0.0.0/4
    Block{Family::kIpv4, 0, 0xffffffffU}.range(),  // 255.255.255.255
    Block{Family::kIpv6, 0, 0}.range(),            // ::
    Block{Family::kIpv6, 0, 1}.range(),            // ::1
    Block{Family::kIpv6, 32, 0xffff}.range(),      // ::ffff:0:0/96
    Block{Family::kIpv6, 118, 0x3fa}.range(),      // fe80::/10
    Block{Family::kIpv6, 120, 0xff}.range(),       // ff00::/8
};

// RFC 4291, 2.5.5.2.
bool isMapped(const IpAddress& address) {
  return !address.isIpv4() && (address.number() >> 32U) == 0xffffU;
}

std::string quoted(std::string_view text) {
  return "\"" + cutUtf8(text, kMaxText) + (text.size() > kMaxText ? "..." : "") + "\"";
}

std::optional<std::uint8_t> parseLength(std::string_view text, std::uint8_t bits) {
  unsigned value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool leadingZero = text.size() > 1 && text.front() == '0';
  if (status != std::errc{} || end != text.data() + text.size() || leadingZero || value > bits) {
    return std::nullopt;
  }
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::string toString(Uint128 value) {
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::reverse(text.begin(), text.end());
  return text;
}

std::string_view toString(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<std::byte, 16> bytes{};
  // inet_pton wants a terminated string and stops at an embedded NUL.
  const bool plausible =
      !text.empty() && text.size() < INET6_ADDRSTRLEN && text.find('\0') == std::string_view::npos;
  if (plausible) {
    const std::string terminated(text);
    if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
      return fromBytes(std::span(bytes).first(4));
    }
    if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return fromBytes(bytes);
  }
  return fail(ErrorCode::kInvalid,
              quoted(text) + " is not an IP address: write it like 192.0.2.10 or 2001:db8::10");
}

Result<IpAddress> IpAddress::fromBytes(std::span<const std::byte> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) {
    return fail(ErrorCode::kInvalid,
                "an IP address has 4 or 16 bytes, not " + std::to_string(bytes.size()));
  }
  Uint128 value = 0;
  for (const std::byte byte : bytes) value = value << 8U | std::to_integer<unsigned>(byte);
  if (bytes.size() == 16 && isMapped(fromNumber(Family::kIpv6, value))) {
    return fail(ErrorCode::kInvalid, quoted(fromNumber(Family::kIpv6, value).toString()) +
                                         " is an IPv4 address in IPv6 form: write it as " +
                                         fromNumber(Family::kIpv4, value & 0xffffffffU).toString());
  }
  return fromNumber(bytes.size() == 4 ? Family::kIpv4 : Family::kIpv6, value);
}

std::array<std::byte, 16> IpAddress::bytes() const {
  std::array<std::byte, 16> result{};
  const std::size_t count = size();
  for (std::size_t i = 0; i < count; ++i) {
    result[i] =
        static_cast<std::byte>(static_cast<unsigned>(number() >> (8 * (count - 1 - i))) & 0xffU);
  }
  return result;
}

bool IpAddress::isLoopback() const { return isIpv4() ? (number() >> 24U) == 127 : number() == 1; }

bool IpAddress::isMulticast() const {
  return isIpv4() ? (number() >> 28U) == 0xe : (number() >> 120U) == 0xff;
}

bool IpAddress::isLinkLocal() const {
  return isIpv4() ? (number() >> 16U) == 0xa9fe : (number() >> 118U) == 0x3fa;
}

std::string IpAddress::toString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto raw = bytes();
  inet_ntop(isIpv4() ? AF_INET : AF_INET6, raw.data(), text.data(), text.size());
  return text.data();
}

Result<IpRange> IpRange::parse(std::string_view text) {
  const std::string_view entry = trim(text);
  if (const auto dash = entry.find('-'); dash != std::string_view::npos) {
    const auto first = IpAddress::parse(trim(entry.substr(0, dash)));
    if (!first) return tl::make_unexpected(first.error());
    const auto last = IpAddress::parse(trim(entry.substr(dash + 1)));
    if (!last) return tl::make_unexpected(last.error());
    if (first->family() != last->family()) {
      return fail(ErrorCode::kInvalid, "the range " + quoted(entry) +
                                           " mixes IPv4 and IPv6: write one range for each family");
    }
    if (*last < *first) {
      return fail(ErrorCode::kInvalid, "the range " + quoted(entry) +
                                           " ends before it begins: write " + last->toString() +
                                           "-" + first->toString());
    }
    return IpRange{*first, *last};
  }
  const auto prefix = IpPrefix::parse(entry);
  if (!prefix) return tl::make_unexpected(prefix.error());
  const IpRange range = prefix->range();
  if (isMapped(range.last)) {
    return fail(ErrorCode::kInvalid, "the range " + quoted(entry) +
                                         " ends with IPv4 addresses in IPv6 form "
                                         "(::ffff:0:0/96): write a longer prefix, or IPv4");
  }
  return range;
}

std::string IpRange::toString() const {
  return first == last ? first.toString() : first.toString() + "-" + last.toString();
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto prefix = parseNetwork(text);
  if (!prefix) return prefix;
  const auto address = IpAddress::parse(text.substr(0, text.find('/')));
  if (prefix->network != *address) {
    return fail(ErrorCode::kInvalid, quoted(text) + " has bits set beyond its prefix: write " +
                                         prefix->toString() + " for the network or " +
                                         address->toString() + " for the one address");
  }
  return prefix;
}

Result<IpPrefix> IpPrefix::parseNetwork(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return tl::make_unexpected(address.error());
  if (slash == std::string_view::npos) return host(*address);
  const auto length = parseLength(text.substr(slash + 1), address->bits());
  if (!length) {
    return fail(ErrorCode::kInvalid, quoted(text) + " has no valid prefix length: write /0 to /" +
                                         std::to_string(address->bits()));
  }
  const Uint128 mask = hostMask(address->bits(), *length);
  return IpPrefix{IpAddress::fromNumber(address->family(), address->number() & ~mask), *length};
}

std::span<const IpRange> unusableRanges() { return kUnusable; }

IpRange IpPrefix::range() const {
  const Uint128 mask = hostMask(network.bits(), length);
  return {network, IpAddress::fromNumber(network.family(), network.number() | mask)};
}

std::string IpPrefix::toString() const { return network.toString() + "/" + std::to_string(length); }

}  // namespace barevip
