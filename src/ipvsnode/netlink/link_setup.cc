// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/link_setup.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "ipvsnode/netlink/batch.h"
#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/route_codec.h"

namespace barevip::netlink {
namespace {

constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::string_view kVeth = "veth";
constexpr std::string_view kDummy = "dummy";

/// What tells whether a device is the one that was asked for.
struct LinkFacts {
  std::uint32_t index = 0;
  std::uint32_t peerIndex = 0;  ///< veth: in the namespace of the other end
  std::string kind;
};

ifinfomsg linkHeader() {
  ifinfomsg header;
  std::memset(&header, 0, sizeof header);
  return header;
}

Message linkMessage(std::uint16_t type, std::uint16_t flags, const std::string& name,
                    const ifinfomsg& header = linkHeader()) {
  Message message = newMessage(type, flags, bytesOf(header));
  putString(*message, IFLA_IFNAME, name.substr(0, IFNAMSIZ));
  return message;
}

std::optional<LinkFacts> decodeFacts(const Received& message) {
  const auto device = decodeDevice(message);
  if (!device) return std::nullopt;
  const Attributes attributes(message.attributes(sizeof(ifinfomsg)));
  return LinkFacts{.index = device->index,
                   // Left out by older kernels if both ends have the same number.
                   .peerIndex = attributes.get<std::uint32_t>(IFLA_LINK).value_or(device->index),
                   .kind = attributes.nested(IFLA_LINKINFO).string(IFLA_INFO_KIND)};
}

/// nullopt if there is no such device.
Result<std::optional<LinkFacts>> factsOf(Socket& socket, const std::string& name) {
  std::optional<LinkFacts> facts;
  const auto asked =
      sendOne(socket, encodeDeviceRequest(name), "cannot look up network device " + name,
              [&](const Received& message) { facts = decodeFacts(message); });
  if (!asked && asked.error().detail != ENODEV) return tl::make_unexpected(asked.error());
  return facts;
}

tl::unexpected<Error> inTheWay(const std::string& name, std::string_view kind) {
  return fail(ErrorCode::kAlreadyExists,
              "a network device " + name + " that is not of kind " + std::string(kind) +
                  " is in the way: rename it or remove it with `ip link delete " + name + "`",
              EEXIST);
}

tl::unexpected<Error> noDevice(const std::string& name) {
  return fail(ErrorCode::kNotFound, "there is no network device " + name, ENODEV);
}

/// The kernel answers EOPNOTSUPP for a kind of device whose module it cannot load.
Result<void> withModuleHint(Result<void> made, std::string_view kind) {
  if (made || made.error().detail != EOPNOTSUPP) return made;
  Error error = made.error();
  error.message += ": load the module on the node with `modprobe " + std::string(kind) + "`";
  return tl::make_unexpected(std::move(error));
}

}  // namespace

Result<LinkSetup> LinkSetup::open(int namespaceFd) {
  auto socket = Socket::open({.protocol = NETLINK_ROUTE, .namespaceFd = namespaceFd});
  if (!socket) return tl::make_unexpected(socket.error());
  return LinkSetup(std::move(*socket));
}

Result<void> LinkSetup::ensureVeth(const std::string& name, const std::string& peerName,
                                   int peerNamespaceFd) {
  const auto here = factsOf(socket_, name);
  if (!here) return tl::make_unexpected(here.error());
  if (*here) {
    if ((*here)->kind != kVeth) return inTheWay(name, kVeth);
    auto peerSocket = Socket::open({.protocol = NETLINK_ROUTE, .namespaceFd = peerNamespaceFd});
    if (!peerSocket) return tl::make_unexpected(peerSocket.error());
    const auto there = factsOf(*peerSocket, peerName);
    if (!there) return tl::make_unexpected(there.error());
    const bool joined = *there && (*there)->kind == kVeth &&
                        (*there)->index == (*here)->peerIndex &&
                        (*there)->peerIndex == (*here)->index;
    if (joined) return {};
    if (auto deleted = deleteLink(name); !deleted) return deleted;
  }
  Message message = linkMessage(RTM_NEWLINK, kCreate, name);
  putNested(*message, IFLA_LINKINFO, [&] {
    putString(*message, IFLA_INFO_KIND, std::string(kVeth));
    putNested(*message, IFLA_INFO_DATA, [&] {
      putNested(*message, VETH_INFO_PEER, [&] {
        putRaw(*message, bytesOf(linkHeader()));
        putString(*message, IFLA_IFNAME, peerName.substr(0, IFNAMSIZ));
        put(*message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(peerNamespaceFd));
      });
    });
  });
  return withModuleHint(sendOne(socket_, std::move(message),
                                "cannot make the veth pair " + name + " and " + peerName),
                        kVeth);
}

Result<void> LinkSetup::ensureDummy(const std::string& name) {
  const auto facts = factsOf(socket_, name);
  if (!facts) return tl::make_unexpected(facts.error());
  if (*facts) return (*facts)->kind == kDummy ? Result<void>{} : inTheWay(name, kDummy);
  Message message = linkMessage(RTM_NEWLINK, kCreate, name);
  putNested(*message, IFLA_LINKINFO,
            [&] { putString(*message, IFLA_INFO_KIND, std::string(kDummy)); });
  return withModuleHint(
      sendOne(socket_, std::move(message), "cannot make the dummy device " + name), kDummy);
}

Result<void> LinkSetup::setUp(const std::string& name) {
  auto header = linkHeader();
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  return sendOne(socket_, linkMessage(RTM_NEWLINK, 0, name, header), "cannot set " + name + " up");
}

Result<void> LinkSetup::setMtu(const std::string& name, std::uint32_t mtu) {
  Message message = linkMessage(RTM_NEWLINK, 0, name);
  put(*message, IFLA_MTU, mtu);
  return sendOne(socket_, std::move(message),
                 "cannot set the MTU of " + name + " to " + std::to_string(mtu));
}

Result<void> LinkSetup::ensureAddress(const std::string& device, const IpAddress& address,
                                      std::uint8_t prefixLength) {
  const auto facts = factsOf(socket_, device);
  if (!facts) return tl::make_unexpected(facts.error());
  if (!*facts) return noDevice(device);
  ifaddrmsg header;
  std::memset(&header, 0, sizeof header);
  header.ifa_family = address.isIpv4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = prefixLength;
  header.ifa_index = (*facts)->index;
  Message message = newMessage(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, bytesOf(header));
  const auto bytes = address.bytes();
  for (const int attribute : {IFA_LOCAL, IFA_ADDRESS}) {
    putBytes(*message, attribute, std::span(bytes).first(address.size()));
  }
  if (!address.isIpv4()) put(*message, IFA_FLAGS, std::uint32_t{IFA_F_NODAD});
  return sendOne(
      socket_, std::move(message),
      "cannot add " + address.toString() + "/" + std::to_string(prefixLength) + " to " + device);
}

Result<void> LinkSetup::ensureDefaultRoute(const IpAddress& gateway, const std::string& device) {
  const auto facts = factsOf(socket_, device);
  if (!facts) return tl::make_unexpected(facts.error());
  if (!*facts) return noDevice(device);
  rtmsg header;
  std::memset(&header, 0, sizeof header);
  header.rtm_family = gateway.isIpv4() ? AF_INET : AF_INET6;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  Message message = newMessage(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, bytesOf(header));
  const auto bytes = gateway.bytes();
  putBytes(*message, RTA_GATEWAY, std::span(bytes).first(gateway.size()));
  put(*message, RTA_OIF, (*facts)->index);
  return sendOne(socket_, std::move(message),
                 "cannot make the default route by " + gateway.toString() + " dev " + device);
}

Result<void> LinkSetup::deleteLink(const std::string& name) {
  auto deleted =
      sendOne(socket_, linkMessage(RTM_DELLINK, 0, name), "cannot delete network device " + name);
  if (!deleted && deleted.error().detail == ENODEV) return {};
  return deleted;
}

Result<bool> LinkSetup::exists(const std::string& name) {
  const auto facts = factsOf(socket_, name);
  if (!facts) return tl::make_unexpected(facts.error());
  return facts->has_value();
}

}  // namespace barevip::netlink
