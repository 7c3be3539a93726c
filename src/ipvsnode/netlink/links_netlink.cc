// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/links_netlink.h"

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
using net::Item;
using net::LinkOp;
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
int withoutMissing(const LinkOp& op, int error) {
  if (op.kind == LinkOp::Kind::kAdd) return error;
  const bool gone = error == ESRCH || error == ENOENT || error == EADDRNOTAVAIL || error == ENODEV;
  return gone ? 0 : error;
}

bool isIpv6AddressDelete(const LinkOp& op) {
  const auto* address = std::get_if<BoundAddress>(&op.item);
  return address != nullptr && op.kind == LinkOp::Kind::kDelete && !address->address.isIpv4();
}

/// The message for an op, given the index of its device.
class Encoder {
 public:
  Encoder(const LinkOp& op, const DeviceNames& devices, const std::set<std::string>& ownDevices)
      : add_(op.kind == LinkOp::Kind::kAdd), devices_(devices), ownDevices_(ownDevices) {}

  /// The message, or the result of an op that needs none.
  using Encoded = std::variant<Message, int>;

  Encoded operator()(const BoundAddress& address) const {
    return onDevice(address.device, [&](std::uint32_t index) -> Encoded {
      if (add_) return encodeAddressAdd(address, index);
      return encodeAddressDelete(address, index, !ownDevices_.contains(address.device));
    });
  }
  Encoded operator()(const Route& route) const {
    if (route.gateway.family() != route.destination.network.family()) return EINVAL;
    return onDevice(route.device, [&](std::uint32_t index) -> Encoded {
      if (add_) return encodeRouteAdd(route, index, false);
      return encodeRouteDelete(route, index);
    });
  }
  Encoded operator()(const ProxyNeighbour& neighbour) const {
    return onDevice(neighbour.device, [&](std::uint32_t index) -> Encoded {
      return encodeNeighbour(neighbour, index, add_);
    });
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
};

template <class T>
bool contains(const std::vector<T>& items, const T& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

Result<NetlinkLinks> NetlinkLinks::open(const LinksOptions& options) {
  auto socket = Socket::open({.protocol = NETLINK_ROUTE, .namespaceFd = options.namespaceFd});
  if (!socket) return tl::make_unexpected(socket.error());
  return NetlinkLinks(std::move(*socket), options.ownDevices);
}

Result<DeviceNames> NetlinkLinks::deviceNames() {
  const auto listed = listAll<net::Device>(socket_, encodeDeviceDump(),
                                           "cannot list network devices", decodeDevice);
  if (!listed) return tl::make_unexpected(listed.error());
  DeviceNames names;
  for (const auto& device : *listed) names.add(device.index, device.name);
  return names;
}

Result<std::vector<ListedAddress>> NetlinkLinks::listAddresses(const DeviceNames& devices) {
  return listAll<ListedAddress>(
      socket_, encodeAddressDump(), "cannot list addresses",
      [&](const Received& message) { return decodeAddressEntry(message, devices); });
}

Result<std::vector<Route>> NetlinkLinks::listOurRoutes(const DeviceNames& devices) {
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

Result<std::vector<ListedNeighbour>> NetlinkLinks::listNeighbours(const DeviceNames& devices) {
  return listAll<ListedNeighbour>(
      socket_, encodeProxyNeighbourDump(), "cannot list proxy neighbours",
      [&](const Received& message) { return decodeNeighbourEntry(message, devices); });
}

Result<std::vector<Rule>> NetlinkLinks::listOurRules() {
  const auto listed =
      listAll<ListedRule>(socket_, encodeRuleDump(), "cannot list routing rules", decodeRuleEntry);
  if (!listed) return tl::make_unexpected(listed.error());
  std::vector<Rule> rules;
  for (const auto& entry : *listed) {
    if (entry.protocol == net::kProtocolMark) rules.push_back(entry.rule);
  }
  return rules;
}

bool NetlinkLinks::isOurs(const ListedAddress& address,
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

Result<std::vector<Item>> NetlinkLinks::dumpOwned() {
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

  std::set<Item> items(routes->begin(), routes->end());
  items.insert(rules->begin(), rules->end());
  for (const auto& entry : *addresses) {
    if (isOurs(entry, *addresses)) items.insert(entry.address);
  }
  for (const auto& entry : *neighbours) {
    if (entry.protocol == net::kProtocolMark) items.insert(entry.neighbour);
  }
  return std::vector<Item>(items.begin(), items.end());
}

Result<std::vector<BoundAddress>> NetlinkLinks::dumpAddresses() {
  const auto devices = deviceNames();
  if (!devices) return tl::make_unexpected(devices.error());
  const auto listed = listAddresses(*devices);
  if (!listed) return tl::make_unexpected(listed.error());
  std::set<BoundAddress> addresses;
  for (const auto& entry : *listed) addresses.insert(entry.address);
  return std::vector<BoundAddress>(addresses.begin(), addresses.end());
}

Result<NetlinkLinks::Foreign> NetlinkLinks::listForeign(std::span<const LinkOp> plan,
                                                        const DeviceNames& devices) {
  Foreign foreign;
  const bool neighboursCount = std::any_of(plan.begin(), plan.end(), [](const LinkOp& op) {
    return std::holds_alternative<ProxyNeighbour>(op.item);
  });
  if (neighboursCount) {
    const auto listed = listNeighbours(devices);
    if (!listed) return tl::make_unexpected(listed.error());
    for (const auto& entry : *listed) {
      if (entry.protocol != net::kProtocolMark) foreign.neighbours.insert(entry.neighbour);
    }
  }
  if (std::any_of(plan.begin(), plan.end(), isIpv6AddressDelete)) {
    const auto listed = listAddresses(devices);
    if (!listed) return tl::make_unexpected(listed.error());
    for (const auto& entry : *listed) {
      if (!isOurs(entry, *listed)) foreign.addresses.insert(entry.address);
    }
  }
  return foreign;
}

Result<std::vector<int>> NetlinkLinks::apply(std::span<const LinkOp> plan) {
  if (plan.empty()) return std::vector<int>{};
  const auto devices = deviceNames();
  if (!devices) return tl::make_unexpected(devices.error());
  const auto foreign = listForeign(plan, *devices);
  if (!foreign) return tl::make_unexpected(foreign.error());

  std::vector<int> results(plan.size(), 0);
  std::vector<Message> messages;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const auto* neighbour = std::get_if<ProxyNeighbour>(&plan[i].item);
    if (neighbour != nullptr && foreign->neighbours.contains(*neighbour)) {
      results[i] = plan[i].kind == LinkOp::Kind::kAdd ? EEXIST : 0;
      continue;
    }
    const auto* address = std::get_if<BoundAddress>(&plan[i].item);
    if (isIpv6AddressDelete(plan[i]) && foreign->addresses.contains(*address)) continue;
    auto encoded = std::visit(Encoder(plan[i], *devices, ownDevices_), plan[i].item);
    if (const int* result = std::get_if<int>(&encoded)) {
      results[i] = *result;
      continue;
    }
    messages.push_back(std::move(std::get<Message>(encoded)));
    indices.push_back(i);
  }
  const auto errors = sendPlanned(messages);
  if (!errors) return errors;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    results[indices[i]] = withoutMissing(plan[indices[i]], (*errors)[i]);
  }
  if (auto settled = settleExisting(plan, *devices, results); !settled) {
    return tl::make_unexpected(settled.error());
  }
  return results;
}

Result<std::vector<int>> NetlinkLinks::sendPlanned(const std::vector<Message>& messages) {
  const auto outcomes = sendAll(socket_, messages);
  if (!outcomes) return tl::make_unexpected(outcomes.error());
  std::vector<int> errors;
  errors.reserve(outcomes->size());
  for (const auto& outcome : *outcomes) {
    if (outcome.error == EPERM) {
      return fail(ErrorCode::kForbidden,
                  "the kernel refuses changes of addresses and routes: run with CAP_NET_ADMIN in "
                  "the user namespace that owns this network namespace",
                  EPERM);
    }
    if (!outcome.text.empty()) {
      log::debug("The kernel explains a refused change", {{"answer", describe(outcome)}});
    }
    errors.push_back(outcome.error);
  }
  return errors;
}

Result<void> NetlinkLinks::settleExisting(std::span<const LinkOp> plan, const DeviceNames& devices,
                                          std::vector<int>& results) {
  if (std::find(results.begin(), results.end(), EEXIST) == results.end()) return {};
  const auto addresses = listAddresses(devices);
  if (!addresses) return tl::make_unexpected(addresses.error());
  const auto routes = listOurRoutes(devices);
  if (!routes) return tl::make_unexpected(routes.error());
  const auto rules = listOurRules();
  if (!rules) return tl::make_unexpected(rules.error());

  std::vector<Message> replacements;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (results[i] != EEXIST || plan[i].kind != LinkOp::Kind::kAdd) continue;
    const Item& item = plan[i].item;
    if (const auto* address = std::get_if<BoundAddress>(&item)) {
      const bool ours =
          std::any_of(addresses->begin(), addresses->end(), [&](const ListedAddress& entry) {
            return entry.address == *address && isOurs(entry, *addresses);
          });
      if (ours) results[i] = 0;
    } else if (const auto* rule = std::get_if<Rule>(&item)) {
      if (contains(*rules, *rule)) results[i] = 0;
    } else if (const auto* route = std::get_if<Route>(&item)) {
      const bool ours = std::any_of(routes->begin(), routes->end(), [&](const Route& entry) {
        return entry.destination == route->destination && entry.table == route->table;
      });
      const auto index = devices.index(route->device);
      if (contains(*routes, *route)) {
        results[i] = 0;
      } else if (ours && index) {
        replacements.push_back(encodeRouteAdd(*route, *index, true));
        indices.push_back(i);
      }
    }
  }
  const auto replaced = sendPlanned(replacements);
  if (!replaced) return tl::make_unexpected(replaced.error());
  for (std::size_t i = 0; i < indices.size(); ++i) results[indices[i]] = (*replaced)[i];
  return {};
}

Result<net::Device> NetlinkLinks::device(const std::string& name) {
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
