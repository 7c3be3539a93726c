// SPDX-License-Identifier: Apache-2.0
// Any datagram is split into messages, and any message is decoded or left out by every decoder,
// without reading beyond its end. What was decoded can be sent and means the same.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ipvsnode/netlink/ipvs_codec.h"
#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/route_codec.h"

namespace {

using barevip::Family;
using barevip::ipvs::Op;
using barevip::netlink::Message;
using barevip::netlink::Received;

constexpr std::uint16_t kFamily = 33;

const barevip::netlink::DeviceNames& devices() {
  static const auto names = [] {
    barevip::netlink::DeviceNames made;
    made.add(1, "lo");
    made.add(2, "eth0");
    return made;
  }();
  return names;
}

void must(bool holds) {
  if (!holds) std::abort();
}

/// The bytes of a request, as an answer of another type.
std::vector<std::byte> asAnswer(const Message& request, std::uint16_t type) {
  const auto bytes = barevip::netlink::bytesOf(*request);
  std::vector<std::byte> answer(bytes.begin(), bytes.end());
  std::memcpy(answer.data() + offsetof(nlmsghdr, nlmsg_type), &type, sizeof type);
  return answer;
}

void virtualServer(const Received& message) {
  const auto server = barevip::netlink::decodeVirtualServer(message);
  if (!server || !*server) return;
  const Op op{Op::Kind::kAddVirtualServer, (*server)->key, (*server)->options, {}, 1};
  const auto bytes = asAnswer(barevip::netlink::encodeOp(kFamily, op), kFamily);
  const auto again = barevip::netlink::decodeVirtualServer(*Received::parse(bytes));
  // Names that the kernel would refuse are cut.
  if ((*server)->options.scheduler.size() < 16) must(again && *again == *server);
}

void realServer(const Received& message, Family family) {
  const auto server = barevip::netlink::decodeRealServer(message, family);
  if (!server) return;
  const Op op{Op::Kind::kAddRealServer, {}, {}, server->key, server->weight};
  const auto bytes = asAnswer(barevip::netlink::encodeOp(kFamily, op), kFamily);
  const auto again = barevip::netlink::decodeRealServer(*Received::parse(bytes), family);
  must(again && again->key == server->key && again->weight == server->weight);
}

void address(const Received& message) {
  const auto entry = barevip::netlink::decodeAddressEntry(message, devices());
  if (!entry) return;
  const auto bytes = asAnswer(
      barevip::netlink::encodeAddressAdd(entry->address, *devices().index(entry->address.device)),
      RTM_NEWADDR);
  const auto again = barevip::netlink::decodeAddressEntry(*Received::parse(bytes), devices());
  must(again && again->address == entry->address && again->marked());
}

void route(const Received& message) {
  const auto entry = barevip::netlink::decodeRouteEntry(message, devices());
  if (!entry) return;
  const auto bytes = asAnswer(
      barevip::netlink::encodeRouteAdd(entry->route, *devices().index(entry->route.device), false),
      RTM_NEWROUTE);
  const auto again = barevip::netlink::decodeRouteEntry(*Received::parse(bytes), devices());
  must(again.has_value());
  // A default route is sent without the address that it may have been listed with.
  if (entry->route.destination.length > 0) must(again->route == entry->route);
}

void neighbour(const Received& message) {
  const auto entry = barevip::netlink::decodeNeighbourEntry(message, devices());
  if (!entry) return;
  const auto bytes =
      asAnswer(barevip::netlink::encodeNeighbour(entry->neighbour,
                                                 *devices().index(entry->neighbour.device), true),
               RTM_NEWNEIGH);
  const auto again = barevip::netlink::decodeNeighbourEntry(*Received::parse(bytes), devices());
  must(again && again->neighbour == entry->neighbour);
}

void rule(const Received& message) {
  const auto entry = barevip::netlink::decodeRuleEntry(message);
  if (!entry) return;
  const auto bytes = asAnswer(barevip::netlink::encodeRule(entry->rule, true), RTM_NEWRULE);
  must(barevip::netlink::decodeRuleEntry(*Received::parse(bytes)).has_value());
}

void decode(std::span<const std::byte> datagram) {
  // A copy of just this size, aligned as receive buffers are, so that every byte beyond is noticed.
  const auto copy = std::make_unique<std::byte[]>(datagram.size());
  if (!datagram.empty()) std::memcpy(copy.get(), datagram.data(), datagram.size());
  barevip::netlink::forEachMessage({copy.get(), datagram.size()}, [](const Received& message) {
    static_cast<void>(barevip::netlink::decodeFamily(message));
    static_cast<void>(barevip::netlink::decodeDevice(message));
    virtualServer(message);
    static_cast<void>(barevip::netlink::decodeVirtualServerTraffic(message));
    static_cast<void>(barevip::netlink::decodeRealServerTraffic(message, Family::kIpv4));
    realServer(message, Family::kIpv4);
    realServer(message, Family::kIpv6);
    address(message);
    route(message);
    neighbour(message);
    rule(message);
  });
}

void append(std::vector<std::byte>& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// The bytes as the payload of a message that says the right length.
void decodeAs(std::uint16_t type, std::span<const std::byte> payload) {
  const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + payload.size()),
                        .nlmsg_type = type,
                        .nlmsg_flags = 0,
                        .nlmsg_seq = 0,
                        .nlmsg_pid = 0};
  std::vector<std::byte> bytes;
  append(bytes, barevip::netlink::bytesOf(header));
  append(bytes, payload);
  decode(bytes);
}

/// The bytes as the attributes of an entry of IPVS: 1 is a virtual server, 2 a real server.
void decodeAsEntry(std::uint16_t attribute, std::span<const std::byte> attributes) {
  const nlattr nest{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + attributes.size()),
                    .nla_type = attribute};
  std::vector<std::byte> payload(4);
  append(payload, barevip::netlink::bytesOf(nest));
  append(payload, attributes);
  decodeAs(kFamily, payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  decode(bytes);
  for (const int type : {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_NEWRULE}) {
    decodeAs(static_cast<std::uint16_t>(type), bytes);
  }
  decodeAsEntry(1, bytes);
  decodeAsEntry(2, bytes);
  return 0;
}
