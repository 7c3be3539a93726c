// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/route_codec.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstring>
#include <span>

#include "ipvsnode/netlink/address_bytes.h"

namespace barevip::netlink {
namespace {

constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::uint32_t kForever = ~0U;
constexpr std::string_view kLabelSuffix = ":bvip";

std::uint8_t familyNumber(Family family) { return family == Family::kIpv4 ? AF_INET : AF_INET6; }

std::optional<Family> familyOf(std::uint8_t number) {
  if (number == AF_INET) return Family::kIpv4;
  if (number == AF_INET6) return Family::kIpv6;
  return std::nullopt;
}

void putAddress(nl_msg& message, int attribute, const IpAddress& address) {
  const auto bytes = address.bytes();
  putBytes(message, attribute, std::span(bytes).first(address.size()));
}

/// A family header as the kernel expects it: unnamed fields, padding included, are zero.
template <class T>
T zeroed() {
  T header;
  std::memset(&header, 0, sizeof header);
  return header;
}

/// Names longer than the kernel's are cut to one more than fits, so that it refuses them.
std::string deviceName(const std::string& name) { return name.substr(0, IFNAMSIZ); }

ifaddrmsg addressHeader(const net::BoundAddress& address, std::uint32_t index) {
  auto header = zeroed<ifaddrmsg>();
  header.ifa_family = familyNumber(address.address.family());
  header.ifa_prefixlen = address.address.bits();
  header.ifa_index = index;
  // Scope host: the kernel never takes the address as the source of what it sends elsewhere. IPv6
  // scopes follow from the address, so there the lifetime says it.
  header.ifa_scope = address.address.isIpv4() ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  return header;
}

rtmsg routeHeader(const net::Route& route) {
  auto header = zeroed<rtmsg>();
  header.rtm_family = familyNumber(route.destination.network.family());
  header.rtm_dst_len = route.destination.length;
  // The field has 8 bits; RTA_TABLE says the number.
  header.rtm_table = RT_TABLE_UNSPEC;
  header.rtm_protocol = net::kProtocolMark;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  header.rtm_flags = RTNH_F_ONLINK;
  return header;
}

void putRoute(nl_msg& message, const net::Route& route, std::uint32_t index) {
  if (route.destination.length > 0) putAddress(message, RTA_DST, route.destination.network);
  putAddress(message, RTA_GATEWAY, route.gateway);
  put(message, RTA_OIF, index);
  put(message, RTA_TABLE, route.table);
}

/// Routes of this length and shorter ones do not count.
std::optional<std::uint32_t> suppressedLength(const Attributes& attributes) {
  const auto length = attributes.get<std::uint32_t>(FRA_SUPPRESS_PREFIXLEN);
  // The kernel lists it always; all ones is none.
  return length == ~0U ? std::nullopt : length;
}

/// Selectors and actions of rules that net::Rule cannot say.
bool hasOtherSelectors(const Attributes& attributes) {
  for (const int attribute :
       {FRA_SRC, FRA_DST, FRA_GOTO, FRA_OIFNAME, FRA_TUN_ID, FRA_SUPPRESS_IFGROUP, FRA_L3MDEV,
        FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE}) {
    if (attributes.has(attribute)) return true;
  }
  return suppressedLength(attributes).value_or(0) != 0;
}

}  // namespace

void DeviceNames::add(std::uint32_t index, const std::string& name) {
  indices_[name] = index;
  names_[index] = name;
}

void DeviceNames::clear() {
  indices_.clear();
  names_.clear();
}

std::optional<std::uint32_t> DeviceNames::index(const std::string& name) const {
  const auto found = indices_.find(name);
  if (found == indices_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> DeviceNames::name(std::uint32_t index) const {
  const auto found = names_.find(index);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

std::string addressLabel(const std::string& device) {
  return device.substr(0, IFNAMSIZ - 1 - kLabelSuffix.size()).append(kLabelSuffix);
}

bool ListedAddress::isHostAddress() const {
  return prefixLength == address.address.bits() && !address.address.isLoopback();
}

bool ListedAddress::marked() const {
  return protocol == net::kProtocolMark || label == addressLabel(address.device);
}

std::optional<ListedAddress> decodeAddressEntry(const Received& message,
                                                const DeviceNames& devices) {
  const auto header = message.familyHeader<ifaddrmsg>();
  if (!header || message.header().nlmsg_type != RTM_NEWADDR) return std::nullopt;
  const Attributes attributes(message.attributes(sizeof(ifaddrmsg)));
  // With a peer IFA_ADDRESS is the peer's; IPv6 without one has no IFA_LOCAL.
  const int which = attributes.has(IFA_LOCAL) ? IFA_LOCAL : IFA_ADDRESS;
  const auto address = decodeAddress(header->ifa_family, attributes.bytes(which));
  const auto device = devices.name(header->ifa_index);
  if (!address || !device) return std::nullopt;
  const auto flags = attributes.get<std::uint32_t>(IFA_FLAGS).value_or(header->ifa_flags);
  return ListedAddress{.address = {.address = *address, .device = *device},
                       .prefixLength = header->ifa_prefixlen,
                       .label = attributes.string(IFA_LABEL),
                       .protocol = attributes.get<std::uint8_t>(IFA_PROTO).value_or(0),
                       .deprecated = (flags & IFA_F_DEPRECATED) != 0};
}

std::optional<ListedRoute> decodeRouteEntry(const Received& message, const DeviceNames& devices) {
  const auto header = message.familyHeader<rtmsg>();
  if (!header || message.header().nlmsg_type != RTM_NEWROUTE) return std::nullopt;
  const auto family = familyOf(header->rtm_family);
  const bool plain = header->rtm_type == RTN_UNICAST && header->rtm_src_len == 0 &&
                     header->rtm_tos == 0 && (header->rtm_flags & RTM_F_CLONED) == 0;
  if (!family || !plain) return std::nullopt;
  const Attributes attributes(message.attributes(sizeof(rtmsg)));
  IpAddress network = IpAddress::fromNumber(*family, 0);
  if (attributes.has(RTA_DST)) {
    const auto decoded = decodeAddress(header->rtm_family, attributes.bytes(RTA_DST));
    if (!decoded) return std::nullopt;
    network = *decoded;
  }
  const auto gateway = decodeAddress(header->rtm_family, attributes.bytes(RTA_GATEWAY));
  const auto device = devices.name(attributes.get<std::uint32_t>(RTA_OIF).value_or(0));
  if (!gateway || !device || header->rtm_dst_len > network.bits()) return std::nullopt;
  return ListedRoute{
      .route = {.destination = {.network = network, .length = header->rtm_dst_len},
                .table = attributes.get<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table),
                .gateway = *gateway,
                .device = *device},
      .protocol = header->rtm_protocol};
}

std::optional<ListedNeighbour> decodeNeighbourEntry(const Received& message,
                                                    const DeviceNames& devices) {
  const auto header = message.familyHeader<ndmsg>();
  if (!header || message.header().nlmsg_type != RTM_NEWNEIGH) return std::nullopt;
  if ((header->ndm_flags & NTF_PROXY) == 0) return std::nullopt;
  const Attributes attributes(message.attributes(sizeof(ndmsg)));
  const auto address = decodeAddress(header->ndm_family, attributes.bytes(NDA_DST));
  const auto device = devices.name(static_cast<std::uint32_t>(header->ndm_ifindex));
  if (!address || !device) return std::nullopt;
  return ListedNeighbour{.neighbour = {.address = *address, .device = *device},
                         .protocol = attributes.get<std::uint8_t>(NDA_PROTOCOL).value_or(0)};
}

std::optional<ListedRule> decodeRuleEntry(const Received& message) {
  const auto header = message.familyHeader<fib_rule_hdr>();
  if (!header || message.header().nlmsg_type != RTM_NEWRULE) return std::nullopt;
  const auto family = familyOf(header->family);
  const Attributes attributes(message.attributes(sizeof(fib_rule_hdr)));
  const bool plain = header->action == FR_ACT_TO_TBL && header->tos == 0 &&
                     (header->flags & FIB_RULE_INVERT) == 0 && !hasOtherSelectors(attributes);
  if (!family || !plain) return std::nullopt;
  return ListedRule{
      .rule = {.family = *family,
               .priority = attributes.get<std::uint32_t>(FRA_PRIORITY).value_or(0),
               .table = attributes.get<std::uint32_t>(FRA_TABLE).value_or(header->table),
               .inputDevice = attributes.string(FRA_IIFNAME),
               .mark = attributes.get<std::uint32_t>(FRA_FWMARK).value_or(0),
               .markMask = attributes.get<std::uint32_t>(FRA_FWMASK).value_or(0),
               .withoutDefault = suppressedLength(attributes).has_value()},
      .protocol = attributes.get<std::uint8_t>(FRA_PROTOCOL).value_or(0)};
}

std::optional<net::Device> decodeDevice(const Received& message) {
  const auto header = message.familyHeader<ifinfomsg>();
  if (!header || message.header().nlmsg_type != RTM_NEWLINK) return std::nullopt;
  const Attributes attributes(message.attributes(sizeof(ifinfomsg)));
  const auto mac = attributes.bytes(IFLA_ADDRESS);
  net::Device device{.name = attributes.string(IFLA_IFNAME),
                     .index = static_cast<std::uint32_t>(header->ifi_index),
                     .up = (header->ifi_flags & IFF_UP) != 0,
                     .running = (header->ifi_flags & IFF_RUNNING) != 0,
                     .mac = {mac.begin(), mac.end()}};
  if (device.name.empty() || header->ifi_index <= 0) return std::nullopt;
  return device;
}

Message encodeAddressAdd(const net::BoundAddress& address, std::uint32_t index) {
  Message message = newMessage(RTM_NEWADDR, kCreate, bytesOf(addressHeader(address, index)));
  putAddress(*message, IFA_LOCAL, address.address);
  putAddress(*message, IFA_ADDRESS, address.address);
  put(*message, IFA_PROTO, net::kProtocolMark);
  if (address.address.isIpv4()) {
    putString(*message, IFA_LABEL, addressLabel(address.device));
  } else {
    put(*message, IFA_FLAGS, std::uint32_t{IFA_F_NODAD | IFA_F_NOPREFIXROUTE});
    auto lifetime = zeroed<ifa_cacheinfo>();
    lifetime.ifa_prefered = 0;
    lifetime.ifa_valid = kForever;
    put(*message, IFA_CACHEINFO, lifetime);
  }
  return message;
}

Message encodeAddressDelete(const net::BoundAddress& address, std::uint32_t index, bool byLabel) {
  Message message = newMessage(RTM_DELADDR, 0, bytesOf(addressHeader(address, index)));
  putAddress(*message, IFA_LOCAL, address.address);
  putAddress(*message, IFA_ADDRESS, address.address);
  if (byLabel && address.address.isIpv4()) {
    putString(*message, IFA_LABEL, addressLabel(address.device));
  }
  return message;
}

Message encodeRouteAdd(const net::Route& route, std::uint32_t index, bool replace) {
  const std::uint16_t flags = replace ? NLM_F_CREATE | NLM_F_REPLACE : kCreate;
  Message message = newMessage(RTM_NEWROUTE, flags, bytesOf(routeHeader(route)));
  putRoute(*message, route, index);
  return message;
}

Message encodeRouteDelete(const net::Route& route, std::uint32_t index) {
  auto header = routeHeader(route);
  // Scope and flags of deletes select; the gateway and the device are selection enough.
  header.rtm_scope = RT_SCOPE_NOWHERE;
  header.rtm_flags = 0;
  Message message = newMessage(RTM_DELROUTE, 0, bytesOf(header));
  putRoute(*message, route, index);
  return message;
}

Message encodeNeighbour(const net::ProxyNeighbour& neighbour, std::uint32_t index, bool add) {
  auto header = zeroed<ndmsg>();
  header.ndm_family = familyNumber(neighbour.address.family());
  header.ndm_ifindex = static_cast<int>(index);
  header.ndm_state = NUD_PERMANENT;
  header.ndm_flags = NTF_PROXY;
  Message message =
      newMessage(add ? RTM_NEWNEIGH : RTM_DELNEIGH, add ? kCreate : 0, bytesOf(header));
  putAddress(*message, NDA_DST, neighbour.address);
  if (add) put(*message, NDA_PROTOCOL, net::kProtocolMark);
  return message;
}

Message encodeRule(const net::Rule& rule, bool add) {
  auto header = zeroed<fib_rule_hdr>();
  header.family = familyNumber(rule.family);
  header.action = FR_ACT_TO_TBL;
  Message message = newMessage(add ? RTM_NEWRULE : RTM_DELRULE, add ? kCreate : 0, bytesOf(header));
  put(*message, FRA_PRIORITY, rule.priority);
  put(*message, FRA_TABLE, rule.table);
  put(*message, FRA_PROTOCOL, net::kProtocolMark);
  if (!rule.inputDevice.empty()) putString(*message, FRA_IIFNAME, deviceName(rule.inputDevice));
  if (rule.markMask != 0) {
    put(*message, FRA_FWMARK, rule.mark);
    put(*message, FRA_FWMASK, rule.markMask);
  }
  if (rule.withoutDefault) put(*message, FRA_SUPPRESS_PREFIXLEN, std::uint32_t{0});
  return message;
}

Message encodeDeviceDump() {
  Message message = newMessage(RTM_GETLINK, NLM_F_DUMP, bytesOf(zeroed<ifinfomsg>()));
  put(*message, IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return message;
}

Message encodeAddressDump() {
  return newMessage(RTM_GETADDR, NLM_F_DUMP, bytesOf(zeroed<ifaddrmsg>()));
}

Message encodeMarkedRouteDump(Family family) {
  auto header = zeroed<rtmsg>();
  header.rtm_family = familyNumber(family);
  header.rtm_protocol = net::kProtocolMark;
  return newMessage(RTM_GETROUTE, NLM_F_DUMP, bytesOf(header));
}

Message encodeProxyNeighbourDump() {
  auto header = zeroed<ndmsg>();
  header.ndm_flags = NTF_PROXY;
  return newMessage(RTM_GETNEIGH, NLM_F_DUMP, bytesOf(header));
}

Message encodeRuleDump() {
  return newMessage(RTM_GETRULE, NLM_F_DUMP, bytesOf(zeroed<fib_rule_hdr>()));
}

Message encodeDeviceRequest(const std::string& name) {
  Message message = newMessage(RTM_GETLINK, 0, bytesOf(zeroed<ifinfomsg>()));
  putString(*message, IFLA_IFNAME, deviceName(name));
  return message;
}

}  // namespace barevip::netlink
