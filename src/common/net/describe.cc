// SPDX-License-Identifier: Apache-2.0
// The words of include/barevip/ipvs/kernel.h and include/barevip/net/links.h.
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include "barevip/ipvs/kernel.h"
#include "barevip/net/rtnetlink.h"

namespace barevip::ipvs {
namespace {

std::string endpoint(const IpAddress& address, std::uint16_t port) {
  const std::string text = address.toString();
  return (address.isIpv4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

std::string_view verb(Op::Kind kind) {
  switch (kind) {
    case Op::Kind::kAddVirtualServer:
    case Op::Kind::kAddRealServer:
      return "add ";
    case Op::Kind::kSetVirtualServer:
    case Op::Kind::kSetRealServer:
      return "set ";
    case Op::Kind::kDeleteVirtualServer:
    case Op::Kind::kDeleteRealServer:
      return "delete ";
  }
  return "";
}

std::string optionsText(const VirtualServerOptions& options) {
  std::string text = " " + options.scheduler;
  if ((options.flags & kPersistent) != 0) {
    text += " persistent " + std::to_string(options.persistenceSeconds) + " s";
  }
  return text;
}

std::string_view remedy(OpResult result) {
  switch (result) {
    case ESRCH:
      return "the virtual server is gone: another program deleted it";
    case ENOENT:
      return "the real server is gone: another program deleted it";
    case ERANGE:
      return "a value is out of the kernel's range";
    default:
      return "";
  }
}

}  // namespace

std::string toString(const VirtualServerKey& key) {
  return std::string(model::toString(key.protocol)) + " " + endpoint(key.vip, key.port);
}

std::string toString(const Op& op) {
  std::string text(verb(op.kind));
  text += toString(op.virtualServer);
  switch (op.kind) {
    case Op::Kind::kAddVirtualServer:
    case Op::Kind::kSetVirtualServer:
      return text + optionsText(op.options);
    case Op::Kind::kAddRealServer:
    case Op::Kind::kSetRealServer:
      return text + " -> " + endpoint(op.realServer.address, op.realServer.port) + " weight " +
             std::to_string(op.weight);
    case Op::Kind::kDeleteRealServer:
      return text + " -> " + endpoint(op.realServer.address, op.realServer.port);
    case Op::Kind::kDeleteVirtualServer:
      break;
  }
  return text;
}

std::string toString(const Timeouts& timeouts) {
  std::string text;
  const auto add = [&text](const char* name, std::chrono::seconds value) {
    if (value.count() == 0) return;
    text +=
        (text.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(value.count()) + "s";
  };
  add("tcp", timeouts.tcp);
  add("tcp-fin", timeouts.tcpFin);
  add("udp", timeouts.udp);
  return text;
}

bool fulfils(const Timeouts& kernel, const Timeouts& wish) {
  const auto same = [](std::chrono::seconds there, std::chrono::seconds wanted) {
    return wanted.count() == 0 || there.count() == 0 || there == wanted;
  };
  return same(kernel.tcp, wish.tcp) && same(kernel.tcpFin, wish.tcpFin) &&
         same(kernel.udp, wish.udp);
}

std::string explain(const Op& op, OpResult result) {
  const bool schedules =
      op.kind == Op::Kind::kAddVirtualServer || op.kind == Op::Kind::kSetVirtualServer;
  std::string text = "cannot " + toString(op) + ": ";
  if (schedules && (result == ENOENT || result == ERANGE)) {
    const auto& scheduler = op.options.scheduler;
    return text + "the kernel has no scheduler " + scheduler + ": load it with `modprobe ip_vs_" +
           scheduler + "` or name another";
  }
  const auto hint = remedy(result);
  if (!hint.empty()) return text.append(hint);
  return text + std::system_category().message(result);
}

}  // namespace barevip::ipvs

namespace barevip::net {
namespace {

std::string hex(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value % 16]);
    value /= 16;
  } while (value != 0);
  return "0x" + text;
}

struct Words {
  std::string operator()(const BoundAddress& item) const {
    return "address " + item.address.toString() + " dev " + item.device;
  }
  std::string operator()(const Route& item) const {
    return "route " + item.destination.toString() + " via " + item.gateway.toString() + " dev " +
           item.device + " table " + std::to_string(item.table);
  }
  std::string operator()(const ProxyNeighbour& item) const {
    return "proxy neighbour " + item.address.toString() + " dev " + item.device;
  }
  std::string operator()(const Rule& item) const {
    std::string text = std::string(barevip::toString(item.family)) + " rule " +
                       std::to_string(item.priority) + ":";
    if (!item.inputDevice.empty()) text += " iif " + item.inputDevice;
    if (item.markMask != 0) text += " fwmark " + hex(item.mark) + "/" + hex(item.markMask);
    text += " lookup " + std::to_string(item.table);
    return item.withoutDefault ? text + " suppress_prefixlength 0" : text;
  }
};

}  // namespace

std::string toString(const NetObject& item) { return std::visit(Words{}, item); }

}  // namespace barevip::net
