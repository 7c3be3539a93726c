// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/rtnetlink_socket.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <type_traits>
#include <variant>

#include "barevip/base/log.h"

#include "ipvsnode/netlink/dump.h"

namespace barevip::netlink {
namespace {

using net::BoundAddress;
using net::NetObject;
using net::NetOp;
using net::ProxyNeighbour;
using net::Route;
using net::Rule;

/// A family that this kernel does not have lists nothing.
bool isMissingFamily(const Error& error) {
  return error.detail == EAFNOSUPPORT || error.detail == EOPNOTSUPP;
}

template <class T>
Result<std::vector<T>> listAll(Socket& socket, const Message& request, const std::string& doing,
                               const std::function<std::optional<T>(const Received&)>& decode) {
  std::vector<T> found;
  const auto listed = dump(socket, request, doing,
                           {.restart = [&] { found.clear(); },
                            .entry = [&](const Received& message) -> Result<void> {
                              if (auto entry = decode(message)) found.push_back(std::move(*entry));
                              return {};
                            }});
  if (!listed && !isMissingFamily(listed.error())) return tl::make_unexpected(listed.error());
  return found;
}

/// Deletes of what is gone, and adds and deletes on a device that is gone.
int withoutMissing(const NetOp& op, int error) {
  if (op.kind == NetOp::Kind::kAdd) return error;
  const bool gone = error == ESRCH || error == ENOENT || error == EADDRNOTAVAIL || error == ENODEV;
  return gone ? 0 : error;
}

bool isIpv6AddressDelete(const NetOp& op) {
  const auto* address = std::get_if<BoundAddress>(&op.item);
  return address != nullptr && op.kind == NetOp::Kind::kDelete && !address->address.isIpv4();
}

bool isRouteAdd(const NetOp& op) {
  return op.kind == NetOp::Kind::kAdd && std::holds_alternative<Route>(op.item);
}

/// Where an item stands: the kernel keeps one item for each place.
NetObject placeOf(const NetObject& item) {
  const auto* route = std::get_if<Route>(&item);
  if (route == nullptr) return item;
  return Route{route->destination, route->table, {}, {}};
}

/// How many ops from the start of the plan have a place of their own each.
std::size_t lengthWithoutCollision(std::span<const NetOp> plan) {
  std::set<NetObject> places;
  for (const NetOp& op : plan) {
    if (!places.insert(placeOf(op.item)).second) break;
  }
  return places.size();
}

}  // namespace

/// Turns an op into its message, or into its result if there is nothing to send.
class RtnetlinkSocket::Encoder {
 public:
  using Encoded = std::variant<Message, int>;

  Encoder(const NetOp& op, const DeviceNames& devices, const std::set<std::string>& ownDevices,
          const Before& before)
      : add_(op.kind == NetOp::Kind::kAdd),
        devices_(devices),
        ownDevices_(ownDevices),
        before_(before) {}

  Encoded operator()(const BoundAddress& address) const {
    if (!add_ && before_.foreignAddresses.contains(address)) return 0;
    return onDevice(address.device, [&](std::uint32_t index) {
      if (add_) return encodeAddressAdd(address, index);
      return encodeAddressDelete(address, index, !ownDevices_.contains(address.device));
    });
  }
  Encoded operator()(const Route& route) const {
    if (route.gateway.family() != route.destination.network.family()) return EINVAL;
    return onDevice(route.device, [&](std::uint32_t index) {
      if (!add_) return encodeRouteDelete(route, index);
      const auto there = before_.ourRoutes.find({route.destination, route.table});
      const bool replace = there != before_.ourRoutes.end() && there->second != route;
      return encodeRouteAdd(route, index, replace);
    });
  }
  Encoded operator()(const ProxyNeighbour& neighbour) const {
    if (before_.foreignNeighbours.contains(neighbour)) return add_ ? EEXIST : 0;
    return onDevice(neighbour.device,
                    [&](std::uint32_t index) { return encodeNeighbour(neighbour, index, add_); });
  }
  Encoded operator()(const Rule& rule) const { return encodeRule(rule, add_); }

 private:
  template <class Encode>
  Encoded onDevice(const std::string& device, const Encode& encode) const {
    const auto index = devices_.index(device);
    if (!index) return add_ ? ENODEV : 0;
    return encode(*index);
  }

  bool add_;
  const DeviceNames& devices_;
  const std::set<std::string>& ownDevices_;
  const Before& before_;
};

Result<RtnetlinkSocket> RtnetlinkSocket::open(const RtnetlinkOptions& options) {
  auto socket = Socket::open({.protocol = NETLINK_ROUTE, .namespaceFd = options.namespaceFd});
  if (!socket) return tl::make_unexpected(socket.error());
  return RtnetlinkSocket(std::move(*socket), options.ownDevices);
}

Result<DeviceNames> RtnetlinkSocket::deviceNames() {
  const auto listed = listAll<net::Device>(socket_, encodeDeviceDump(),
                                           "cannot list network devices", decodeDevice);
  if (!listed) return tl::make_unexpected(listed.error());
  DeviceNames names;
  for (const auto& device : *listed) names.add(device.index, device.name);
  return names;
}

Result<std::vector<ListedAddress>> RtnetlinkSocket::listAddresses(const DeviceNames& devices) {
  return listAll<ListedAddress>(
      socket_, encodeAddressDump(), "cannot list addresses",
      [&](const Received& message) { return decodeAddressEntry(message, devices); });
}

Result<std::vector<Route>> RtnetlinkSocket::listOurRoutes(const DeviceNames& devices) {
  std::vector<Route> routes;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto listed = listAll<ListedRoute>(
        socket_, encodeMarkedRouteDump(family), "cannot list routes",
        [&](const Received& message) { return decodeRouteEntry(message, devices); });
    if (!listed) return tl::make_unexpected(listed.error());
    for (const auto& entry : *listed) {
      if (entry.protocol == net::kProtocolMark) routes.push_back(entry.route);
    }
  }
  return routes;
}

Result<std::vector<ListedNeighbour>> RtnetlinkSocket::listNeighbours(const DeviceNames& devices) {
  return listAll<ListedNeighbour>(
      socket_, encodeProxyNeighbourDump(), "cannot list proxy neighbours",
      [&](const Received& message) { return decodeNeighbourEntry(message, devices); });
}

Result<std::vector<Rule>> RtnetlinkSocket::listOurRules() {
  const auto listed =
      listAll<ListedRule>(socket_, encodeRuleDump(), "cannot list routing rules", decodeRuleEntry);
  if (!listed) return tl::make_unexpected(listed.error());
  std::vector<Rule> rules;
  for (const auto& entry : *listed) {
    if (entry.protocol == net::kProtocolMark) rules.push_back(entry.rule);
  }
  return rules;
}

bool RtnetlinkSocket::isOurs(const ListedAddress& address,
                             const std::vector<ListedAddress>& all) const {
  if (!address.isHostAddress()) return false;
  if (address.marked() || ownDevices_.contains(address.address.device)) return true;
  if (address.address.address.isIpv4() || address.protocol != 0 || !address.deprecated) {
    return false;
  }
  return std::any_of(all.begin(), all.end(), [&](const ListedAddress& other) {
    return other.address.address == address.address.address && other.isHostAddress() &&
           ownDevices_.contains(other.address.device);
  });
}

Result<std::vector<NetObject>> RtnetlinkSocket::dumpOwned() {
  const auto devices = deviceNames();
  if (!devices) return tl::make_unexpected(devices.error());
  const auto addresses = listAddresses(*devices);
  if (!addresses) return tl::make_unexpected(addresses.error());
  const auto routes = listOurRoutes(*devices);
  if (!routes) return tl::make_unexpected(routes.error());
  const auto neighbours = listNeighbours(*devices);
  if (!neighbours) return tl::make_unexpected(neighbours.error());
  const auto rules = listOurRules();
  if (!rules) return tl::make_unexpected(rules.error());

  std::set<NetObject> items(routes->begin(), routes->end());
  items.insert(rules->begin(), rules->end());
  for (const auto& entry : *addresses) {
    if (isOurs(entry, *addresses)) items.insert(entry.address);
  }
  for (const auto& entry : *neighbours) {
    if (entry.protocol == net::kProtocolMark) items.insert(entry.neighbour);
  }
  return std::vector<NetObject>(items.begin(), items.end());
}

Result<std::vector<BoundAddress>> RtnetlinkSocket::dumpAddresses() {
  const auto devices = deviceNames();
  if (!devices) return tl::make_unexpected(devices.error());
  const auto listed = listAddresses(*devices);
  if (!listed) return tl::make_unexpected(listed.error());
  std::set<BoundAddress> addresses;
  for (const auto& entry : *listed) addresses.insert(entry.address);
  return std::vector<BoundAddress>(addresses.begin(), addresses.end());
}

Result<RtnetlinkSocket::Before> RtnetlinkSocket::lookBefore(std::span<const NetOp> plan,
                                                            const DeviceNames& devices) {
  const auto planned = [&](const auto& matches) {
    return std::any_of(plan.begin(), plan.end(), matches);
  };
  Before before;
  if (planned([](const NetOp& op) { return std::holds_alternative<ProxyNeighbour>(op.item); })) {
    const auto listed = listNeighbours(devices);
    if (!listed) return tl::make_unexpected(listed.error());
    for (const auto& entry : *listed) {
      if (entry.protocol != net::kProtocolMark) before.foreignNeighbours.insert(entry.neighbour);
    }
  }
  if (planned(isIpv6AddressDelete)) {
    const auto listed = listAddresses(devices);
    if (!listed) return tl::make_unexpected(listed.error());
    for (const auto& entry : *listed) {
      const bool other = !entry.address.address.isIpv4() && !isOurs(entry, *listed);
      if (other) before.foreignAddresses.insert(entry.address);
    }
  }
  if (planned(isRouteAdd)) {
    const auto listed = listOurRoutes(devices);
    if (!listed) return tl::make_unexpected(listed.error());
    for (const auto& route : *listed) {
      before.ourRoutes.insert_or_assign({route.destination, route.table}, route);
    }
  }
  return before;
}

Result<std::vector<int>> RtnetlinkSocket::apply(std::span<const NetOp> plan) {
  std::vector<int> results;
  results.reserve(plan.size());
  while (!plan.empty()) {
    const std::size_t length = lengthWithoutCollision(plan);
    const auto some = applyDistinct(plan.first(length));
    if (!some) return some;
    results.insert(results.end(), some->begin(), some->end());
    plan = plan.subspan(length);
  }
  return results;
}

Result<std::vector<int>> RtnetlinkSocket::applyDistinct(std::span<const NetOp> plan) {
  const auto devices = deviceNames();
  if (!devices) return tl::make_unexpected(devices.error());
  const auto before = lookBefore(plan, *devices);
  if (!before) return tl::make_unexpected(before.error());

  std::vector<int> results(plan.size(), 0);
  if (auto sent = sendPlanned(plan, *devices, *before, results); !sent) {
    return tl::make_unexpected(sent.error());
  }
  if (auto settled = settleExisting(plan, *devices, results); !settled) {
    return tl::make_unexpected(settled.error());
  }
  return results;
}

Result<void> RtnetlinkSocket::sendPlanned(std::span<const NetOp> plan, const DeviceNames& devices,
                                          const Before& before, std::vector<int>& results) {
  bool forbidden = false;
  const auto encode = [&](std::size_t i) {
    auto encoded = std::visit(Encoder(plan[i], devices, ownDevices_, before), plan[i].item);
    if (auto* message = std::get_if<Message>(&encoded)) return std::move(*message);
    results[i] = std::get<int>(encoded);
    return Message();
  };
  const auto settle = [&](std::size_t i, const Outcome& outcome) {
    if (outcome.error == EPERM) forbidden = true;
    if (!outcome.text.empty()) {
      log::debug("the kernel explains a refused change", {{"answer", describe(outcome)}});
    }
    results[i] = withoutMissing(plan[i], outcome.error);
  };
  if (auto sent = sendAll(socket_, plan.size(), encode, settle); !sent) return sent;
  if (forbidden) {
    return fail(ErrorCode::kForbidden,
                "the kernel refuses changes of addresses and routes: run with CAP_NET_ADMIN in "
                "the user namespace that owns this network namespace",
                EPERM);
  }
  return {};
}

Result<void> RtnetlinkSocket::settleExisting(std::span<const NetOp> plan,
                                             const DeviceNames& devices,
                                             std::vector<int>& results) {
  if (std::find(results.begin(), results.end(), EEXIST) == results.end()) return {};
  const auto addresses = listAddresses(devices);
  if (!addresses) return tl::make_unexpected(addresses.error());
  const auto routes = listOurRoutes(devices);
  if (!routes) return tl::make_unexpected(routes.error());
  const auto rules = listOurRules();
  if (!rules) return tl::make_unexpected(rules.error());
  std::set<NetObject> ours(routes->begin(), routes->end());
  ours.insert(rules->begin(), rules->end());
  for (const auto& entry : *addresses) {
    if (isOurs(entry, *addresses)) ours.insert(entry.address);
  }
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (results[i] == EEXIST && ours.contains(plan[i].item)) results[i] = 0;
  }
  return {};
}

Result<net::Device> RtnetlinkSocket::device(const std::string& name) {
  std::optional<net::Device> device;
  const auto asked =
      sendOne(socket_, encodeDeviceRequest(name), "cannot look up network device " + name,
              [&](const Received& message) { device = decodeDevice(message); });
  if (asked && device) return *device;
  if (!asked && asked.error().detail != ENODEV && asked.error().detail != ERANGE) {
    return tl::make_unexpected(asked.error());
  }
  return fail(ErrorCode::kNotFound,
              "there is no network device " + name + ": `ip link` shows those that there are",
              ENODEV);
}

}  // namespace barevip::netlink
