// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/l2/arp_frame.h"

#include <algorithm>
#include <iterator>

namespace barevip::host {

namespace {

// Hardware type Ethernet, protocol type IPv4, their address lengths (RFC 826).
constexpr std::array<std::uint8_t, 6> kFixedPart{0x00, 0x01, 0x08, 0x00, 6, 4};
constexpr std::size_t kOperationOffset = 6;
constexpr std::size_t kSenderMacOffset = 8;
constexpr std::size_t kSenderOffset = 14;
constexpr std::size_t kTargetMacOffset = 18;
constexpr std::size_t kTargetOffset = 24;

IpAddress readAddress(std::span<const std::byte> bytes, std::size_t offset) {
  return IpAddress::fromBytes(bytes.subspan(offset, 4)).value_or(IpAddress());
}

MacAddress readMac(std::span<const std::byte> bytes, std::size_t offset) {
  MacAddress mac{};
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), mac.size(), mac.begin());
  return mac;
}

}  // namespace

std::string toString(const MacAddress& mac) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : mac) {
    if (!text.empty()) text += ':';
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{0xf})];
  }
  return text;
}

std::array<std::byte, kArpSize> encode(const ArpPacket& packet) {
  std::array<std::byte, kArpSize> bytes{};
  std::transform(kFixedPart.begin(), kFixedPart.end(), bytes.begin(),
                 [](std::uint8_t value) { return std::byte{value}; });
  bytes[kOperationOffset + 1] = static_cast<std::byte>(packet.operation);
  const auto put = [&bytes](std::size_t offset, const auto& from, std::size_t size) {
    std::copy_n(from.begin(), size, bytes.begin() + offset);
  };
  put(kSenderMacOffset, packet.senderMac, packet.senderMac.size());
  put(kSenderOffset, packet.sender.bytes(), 4);
  put(kTargetMacOffset, packet.targetMac, packet.targetMac.size());
  put(kTargetOffset, packet.target.bytes(), 4);
  return bytes;
}

std::optional<ArpPacket> decodeArp(std::span<const std::byte> bytes) {
  if (bytes.size() < kArpSize) return std::nullopt;
  const bool fixedPart =
      std::equal(kFixedPart.begin(), kFixedPart.end(), bytes.begin(),
                 [](std::uint8_t value, std::byte byte) { return std::byte{value} == byte; });
  const auto operation = std::to_integer<unsigned>(bytes[kOperationOffset]) << 8U |
                         std::to_integer<unsigned>(bytes[kOperationOffset + 1]);
  if (!fixedPart || (operation != 1 && operation != 2)) return std::nullopt;
  return ArpPacket{static_cast<ArpPacket::Operation>(operation), readMac(bytes, kSenderMacOffset),
                   readAddress(bytes, kSenderOffset), readMac(bytes, kTargetMacOffset),
                   readAddress(bytes, kTargetOffset)};
}

ArpPacket gratuitousArp(ArpPacket::Operation operation, const MacAddress& mac,
                        const IpAddress& address) {
  ArpPacket packet{operation, mac, address, {}, address};
  // A reply names its receivers, here everybody; a request does not know.
  if (operation == ArpPacket::Operation::kReply) packet.targetMac.fill(std::byte{0xff});
  return packet;
}

ArpPacket arpQuestion(const MacAddress& mac, const IpAddress& sender, const IpAddress& address) {
  return {ArpPacket::Operation::kRequest, mac, sender, {}, address};
}

bool ipObjects(const ArpPacket& packet, const IpAddress& address, const MacAddress& mac) {
  return packet.sender == address && packet.senderMac != mac;
}

}  // namespace barevip::host
