// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/ipvs_codec.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <sys/socket.h>

#include <cerrno>

#include "ipvsnode/netlink/address_bytes.h"

namespace barevip::netlink {
namespace {

using ipvs::Op;
using ipvs::RealServer;
using ipvs::VirtualServer;

Message newGenericMessage(std::uint16_t family, std::uint8_t command, std::uint8_t version,
                          std::uint16_t flags) {
  const genlmsghdr header{.cmd = command, .version = version, .reserved = 0};
  return newMessage(family, flags, bytesOf(header));
}

Message newIpvsMessage(std::uint16_t family, std::uint8_t command, std::uint16_t flags = 0) {
  return newGenericMessage(family, command, IPVS_GENL_VERSION, flags);
}

std::uint8_t commandOf(Op::Kind kind) {
  switch (kind) {
    case Op::Kind::kAddVirtualServer:
      return IPVS_CMD_NEW_SERVICE;
    case Op::Kind::kSetVirtualServer:
      return IPVS_CMD_SET_SERVICE;
    case Op::Kind::kDeleteVirtualServer:
      return IPVS_CMD_DEL_SERVICE;
    case Op::Kind::kAddRealServer:
      return IPVS_CMD_NEW_DEST;
    case Op::Kind::kSetRealServer:
      return IPVS_CMD_SET_DEST;
    case Op::Kind::kDeleteRealServer:
      return IPVS_CMD_DEL_DEST;
  }
  return IPVS_CMD_UNSPEC;
}

bool isRealServerOp(Op::Kind kind) {
  return kind == Op::Kind::kAddRealServer || kind == Op::Kind::kSetRealServer ||
         kind == Op::Kind::kDeleteRealServer;
}

std::uint16_t addressFamily(const IpAddress& address) {
  return address.isIpv4() ? AF_INET : AF_INET6;
}

void putAddress(nl_msg& message, int attribute, const IpAddress& address) {
  // The kernel takes union nf_inet_addr: 16 bytes, of which IPv4 uses the first four.
  putBytes(message, attribute, address.bytes());
}

void putKey(nl_msg& message, const ipvs::VirtualServerKey& key) {
  put(message, IPVS_SVC_ATTR_AF, addressFamily(key.vip));
  put(message, IPVS_SVC_ATTR_PROTOCOL, static_cast<std::uint16_t>(key.protocol));
  putAddress(message, IPVS_SVC_ATTR_ADDR, key.vip);
  put(message, IPVS_SVC_ATTR_PORT, htons(key.port));
}

void putOptions(nl_msg& message, const Op& op) {
  const bool persistent = (op.options.flags & ipvs::kPersistent) != 0;
  const ip_vs_flags flags{.flags = op.options.flags, .mask = ~0U};
  // Clients count one by one: a mask for IPv4, the length of a prefix for IPv6.
  const std::uint32_t netmask = op.virtualServer.vip.isIpv4() ? ~0U : 128U;
  // Cut to one more than fits, so that the kernel says ERANGE.
  putString(message, IPVS_SVC_ATTR_SCHED_NAME,
            op.options.scheduler.substr(0, IP_VS_SCHEDNAME_MAXLEN));
  put(message, IPVS_SVC_ATTR_FLAGS, flags);
  put(message, IPVS_SVC_ATTR_TIMEOUT, persistent ? op.options.persistenceSeconds : 0U);
  put(message, IPVS_SVC_ATTR_NETMASK, netmask);
}

void putRealServer(nl_msg& message, const Op& op) {
  putAddress(message, IPVS_DEST_ATTR_ADDR, op.realServer.address);
  put(message, IPVS_DEST_ATTR_PORT, htons(op.realServer.port));
  put(message, IPVS_DEST_ATTR_ADDR_FAMILY, addressFamily(op.realServer.address));
  if (op.kind == Op::Kind::kDeleteRealServer) return;
  put(message, IPVS_DEST_ATTR_FWD_METHOD, std::uint32_t{IP_VS_CONN_F_MASQ});
  put(message, IPVS_DEST_ATTR_WEIGHT, op.weight);
  put(message, IPVS_DEST_ATTR_U_THRESH, std::uint32_t{0});
  put(message, IPVS_DEST_ATTR_L_THRESH, std::uint32_t{0});
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorCode::kInvalid,
              "the kernel's list of " + what + " holds an entry that breaks the format", EBADMSG);
}

std::optional<model::Protocol> protocolOf(std::uint16_t number) {
  for (const auto protocol :
       {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp}) {
    if (number == static_cast<std::uint16_t>(protocol)) return protocol;
  }
  return std::nullopt;
}

std::optional<ipvs::TrafficCounters> countersOf(const Attributes& stats) {
  const auto connections = stats.get<std::uint64_t>(IPVS_STATS_ATTR_CONNS);
  const auto incomingPackets = stats.get<std::uint64_t>(IPVS_STATS_ATTR_INPKTS);
  const auto outgoingPackets = stats.get<std::uint64_t>(IPVS_STATS_ATTR_OUTPKTS);
  const auto incomingBytes = stats.get<std::uint64_t>(IPVS_STATS_ATTR_INBYTES);
  const auto outgoingBytes = stats.get<std::uint64_t>(IPVS_STATS_ATTR_OUTBYTES);
  if (!connections || !incomingPackets || !outgoingPackets || !incomingBytes || !outgoingBytes) {
    return std::nullopt;
  }
  return ipvs::TrafficCounters{*connections, *incomingPackets, *outgoingPackets, *incomingBytes,
                               *outgoingBytes};
}

}  // namespace

Message encodeFamilyRequest(const std::string& name) {
  Message message = newGenericMessage(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
  putString(*message, CTRL_ATTR_FAMILY_NAME, name);
  return message;
}

std::optional<std::uint16_t> decodeFamily(const Received& message) {
  return Attributes(message.attributes(sizeof(genlmsghdr))).get<std::uint16_t>(CTRL_ATTR_FAMILY_ID);
}

Message encodeOp(std::uint16_t family, const Op& op) {
  Message message = newIpvsMessage(family, commandOf(op.kind));
  putNested(*message, IPVS_CMD_ATTR_SERVICE, [&] {
    putKey(*message, op.virtualServer);
    if (op.kind == Op::Kind::kAddVirtualServer || op.kind == Op::Kind::kSetVirtualServer) {
      putOptions(*message, op);
    }
  });
  if (isRealServerOp(op.kind)) {
    putNested(*message, IPVS_CMD_ATTR_DEST, [&] { putRealServer(*message, op); });
  }
  return message;
}

Message encodeVirtualServerDump(std::uint16_t family) {
  return newIpvsMessage(family, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
}

Message encodeRealServerDump(std::uint16_t family, const ipvs::VirtualServerKey& key) {
  Message message = newIpvsMessage(family, IPVS_CMD_GET_DEST, NLM_F_DUMP);
  putNested(*message, IPVS_CMD_ATTR_SERVICE, [&] { putKey(*message, key); });
  return message;
}

Message encodeTimeoutsRequest(std::uint16_t family) {
  return newIpvsMessage(family, IPVS_CMD_GET_CONFIG);
}

Message encodeTimeouts(std::uint16_t family, const ipvs::Timeouts& timeouts) {
  Message message = newIpvsMessage(family, IPVS_CMD_SET_CONFIG);
  const auto putSeconds = [&](int attribute, std::chrono::seconds value) {
    if (value.count() != 0) put(*message, attribute, static_cast<std::uint32_t>(value.count()));
  };
  putSeconds(IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp);
  putSeconds(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcpFin);
  putSeconds(IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp);
  return message;
}

ipvs::Timeouts decodeTimeouts(const Received& message) {
  const Attributes all(message.attributes(sizeof(genlmsghdr)));
  const auto seconds = [&](int attribute) {
    return std::chrono::seconds(all.get<std::uint32_t>(attribute).value_or(0));
  };
  return {.tcp = seconds(IPVS_CMD_ATTR_TIMEOUT_TCP),
          .tcpFin = seconds(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN),
          .udp = seconds(IPVS_CMD_ATTR_TIMEOUT_UDP)};
}

Result<std::optional<VirtualServer>> decodeVirtualServer(const Received& message) {
  const Attributes top(message.attributes(sizeof(genlmsghdr)));
  if (!top.has(IPVS_CMD_ATTR_SERVICE)) return malformed("virtual servers");
  const Attributes service = top.nested(IPVS_CMD_ATTR_SERVICE);
  if (service.has(IPVS_SVC_ATTR_FWMARK)) return std::nullopt;
  const auto family = service.get<std::uint16_t>(IPVS_SVC_ATTR_AF);
  const auto protocol = service.get<std::uint16_t>(IPVS_SVC_ATTR_PROTOCOL);
  const auto port = service.get<std::uint16_t>(IPVS_SVC_ATTR_PORT);
  const auto flags = service.get<ip_vs_flags>(IPVS_SVC_ATTR_FLAGS);
  const auto timeout = service.get<std::uint32_t>(IPVS_SVC_ATTR_TIMEOUT);
  if (!family || !protocol || !port || !flags || !timeout) return malformed("virtual servers");
  const auto vip = decodeAddress(*family, service.bytes(IPVS_SVC_ATTR_ADDR));
  if (!vip) return malformed("virtual servers");
  const auto known = protocolOf(*protocol);
  if (!known) return std::nullopt;
  VirtualServer server{.key = {.vip = *vip, .port = ntohs(*port), .protocol = *known},
                       .options = {.scheduler = service.string(IPVS_SVC_ATTR_SCHED_NAME),
                                   .flags = flags->flags & ~std::uint32_t{IP_VS_SVC_F_HASHED},
                                   .persistenceSeconds = 0},
                       .realServers = {}};
  if ((server.options.flags & ipvs::kPersistent) != 0) server.options.persistenceSeconds = *timeout;
  return server;
}

Result<RealServer> decodeRealServer(const Received& message, Family family) {
  const Attributes top(message.attributes(sizeof(genlmsghdr)));
  if (!top.has(IPVS_CMD_ATTR_DEST)) return malformed("real servers");
  const Attributes destination = top.nested(IPVS_CMD_ATTR_DEST);
  const auto ownFamily = destination.get<std::uint16_t>(IPVS_DEST_ATTR_ADDR_FAMILY);
  const std::uint16_t serverFamily = family == Family::kIpv4 ? AF_INET : AF_INET6;
  const auto address =
      decodeAddress(ownFamily.value_or(serverFamily), destination.bytes(IPVS_DEST_ATTR_ADDR));
  const auto port = destination.get<std::uint16_t>(IPVS_DEST_ATTR_PORT);
  const auto method = destination.get<std::uint32_t>(IPVS_DEST_ATTR_FWD_METHOD);
  const auto weight = destination.get<std::uint32_t>(IPVS_DEST_ATTR_WEIGHT);
  if (!address || !port || !method || !weight) return malformed("real servers");
  return RealServer{
      .key = {.address = *address, .port = ntohs(*port)},
      .weight = *weight,
      .activeConnections = destination.get<std::uint32_t>(IPVS_DEST_ATTR_ACTIVE_CONNS).value_or(0),
      .inactiveConnections = destination.get<std::uint32_t>(IPVS_DEST_ATTR_INACT_CONNS).value_or(0),
      .foreignMethod = (*method & IP_VS_CONN_F_FWD_MASK) != IP_VS_CONN_F_MASQ};
}

Result<std::optional<ipvs::VirtualServerTraffic>> decodeVirtualServerTraffic(
    const Received& message) {
  const auto server = decodeVirtualServer(message);
  if (!server) return tl::make_unexpected(server.error());
  if (!*server) return std::nullopt;
  const Attributes top(message.attributes(sizeof(genlmsghdr)));
  const auto counters = countersOf(top.nested(IPVS_CMD_ATTR_SERVICE).nested(IPVS_SVC_ATTR_STATS64));
  if (!counters) return malformed("virtual servers");
  return ipvs::VirtualServerTraffic{(*server)->key, *counters};
}

Result<ipvs::RealServerTraffic> decodeRealServerTraffic(const Received& message, Family family) {
  const auto server = decodeRealServer(message, family);
  if (!server) return tl::make_unexpected(server.error());
  const Attributes top(message.attributes(sizeof(genlmsghdr)));
  const auto counters = countersOf(top.nested(IPVS_CMD_ATTR_DEST).nested(IPVS_DEST_ATTR_STATS64));
  if (!counters) return malformed("real servers");
  return ipvs::RealServerTraffic{server->key, *counters, server->activeConnections,
                                 server->inactiveConnections};
}

}  // namespace barevip::netlink
