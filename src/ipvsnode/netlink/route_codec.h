// SPDX-License-Identifier: Apache-2.0
// Addresses, routes, proxy neighbours and rules: messages of rtnetlink from and to values. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "barevip/net/rtnetlink.h"

#include "ipvsnode/netlink/message.h"

namespace barevip::netlink {

/// The devices of a namespace, both ways.
class DeviceNames {
 public:
  void add(std::uint32_t index, const std::string& name);
  void clear();
  /// nullopt if there is no such device.
  [[nodiscard]] std::optional<std::uint32_t> index(const std::string& name) const;
  [[nodiscard]] std::optional<std::string> name(std::uint32_t index) const;

 private:
  std::map<std::string, std::uint32_t> indices_;
  std::map<std::uint32_t, std::string> names_;
};

/// The label of our IPv4 addresses on a device, e.g. "eth0:bvip": the mark that kernels
/// before 5.18, which do not know IFA_PROTO, keep too. Cut to the 15 characters that the kernel
/// allows.
[[nodiscard]] std::string addressLabel(const std::string& device);

/// An address as the kernel lists it.
struct ListedAddress {
  net::BoundAddress address;
  std::uint8_t prefixLength = 0;
  std::uint32_t flags = 0;    ///< IFA_F_*
  std::string label;          ///< IPv4 only
  std::uint8_t protocol = 0;  ///< IFA_PROTO; 0 if the kernel names none
  bool deprecated = false;    ///< no source address: its preferred lifetime is over

  /// A host prefix, and not of the loopback range.
  [[nodiscard]] bool isHostAddress() const;
  /// Marked as ours by protocol or label.
  [[nodiscard]] bool marked() const;
};

/// A route or proxy neighbour as the kernel lists it.
struct ListedRoute {
  net::Route route;
  std::uint8_t protocol = 0;
};
struct ListedNeighbour {
  net::ProxyNeighbour neighbour;
  std::uint8_t protocol = 0;
};
struct ListedRule {
  net::Rule rule;
  std::uint8_t protocol = 0;
};

/// All nullopt for what breaks the format, for devices that are not among `devices` (gone since),
/// and for kinds that the value cannot hold: other families, routes without a gateway, real
/// neighbours, rules that do more than look into a table.
[[nodiscard]] std::optional<ListedAddress> decodeAddressEntry(const Received& message,
                                                              const DeviceNames& devices);
[[nodiscard]] std::optional<ListedRoute> decodeRouteEntry(const Received& message,
                                                          const DeviceNames& devices);
[[nodiscard]] std::optional<ListedNeighbour> decodeNeighbourEntry(const Received& message,
                                                                  const DeviceNames& devices);
[[nodiscard]] std::optional<ListedRule> decodeRuleEntry(const Received& message);
[[nodiscard]] std::optional<net::Device> decodeDevice(const Received& message);

/// Adds carry our mark and NLM_F_EXCL; deletes carry the mark too wherever the kernel compares it.
/// `index` is the device's.
[[nodiscard]] Message encodeAddressAdd(const net::BoundAddress& address, std::uint32_t index);
/// byLabel: only if it has our label (IPv4).
[[nodiscard]] Message encodeAddressDelete(const net::BoundAddress& address, std::uint32_t index,
                                          bool byLabel);
/// replace: put it in the place of the route to the same destination.
[[nodiscard]] Message encodeRouteAdd(const net::Route& route, std::uint32_t index, bool replace);
[[nodiscard]] Message encodeRouteDelete(const net::Route& route, std::uint32_t index);
[[nodiscard]] Message encodeNeighbour(const net::ProxyNeighbour& neighbour, std::uint32_t index,
                                      bool add);
[[nodiscard]] Message encodeRule(const net::Rule& rule, bool add);

/// Dump requests, narrowed where the kernel can do that (NETLINK_GET_STRICT_CHK).
[[nodiscard]] Message encodeDeviceDump();
[[nodiscard]] Message encodeAddressDump();
[[nodiscard]] Message encodeMarkedRouteDump(Family family);
[[nodiscard]] Message encodeProxyNeighbourDump();
[[nodiscard]] Message encodeRuleDump();
[[nodiscard]] Message encodeDeviceRequest(const std::string& name);

}  // namespace barevip::netlink
