// SPDX-License-Identifier: Apache-2.0
// Making of the devices that the data path needs: what is done once, at set-up.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// Devices, their addresses and default routes in the namespace of one socket. Every function may
/// be called again: what is as asked stays untouched. Nothing made here carries net::kProtocolMark,
/// so that net::Rtnetlink never takes it for an address or a route of a VIP. Not thread-safe.
class LinkSetup {
 public:
  /// The socket's protocol is NETLINK_ROUTE.
  explicit LinkSetup(Socket socket) : socket_(std::move(socket)) {}

  /// With a socket of its own; namespaceFd as in SocketOptions.
  [[nodiscard]] static Result<LinkSetup> open(int namespaceFd = -1);

  /// A veth pair: `name` here, `peerName` in the namespace of the descriptor. A pair of that name
  /// whose other end is not there (its namespace was made again) is replaced; a device of another
  /// kind is kAlreadyExists. Needs CAP_SYS_ADMIN to look into the peer's namespace.
  Result<void> ensureVeth(const std::string& name, const std::string& peerName,
                          int peerNamespaceFd);

  /// A device of kind dummy. kUnsupported if the kernel has none.
  Result<void> ensureDummy(const std::string& name);

  Result<void> setUp(const std::string& name);
  Result<void> setMtu(const std::string& name, std::uint32_t mtu);

  /// An address with its connected route, e.g. 169.254.77.1/30. IPv6 without duplicate address
  /// detection, so that it can be used at once.
  Result<void> ensureAddress(const std::string& device, const IpAddress& address,
                             std::uint8_t prefixLength);

  /// Default route of the gateway's family in the main table; one by another gateway is replaced.
  Result<void> ensureDefaultRoute(const IpAddress& gateway, const std::string& device);

  /// Done as well if there is no such device. Deleting one end of a veth pair deletes both.
  Result<void> deleteLink(const std::string& name);

  [[nodiscard]] Result<bool> exists(const std::string& name);

 private:
  Socket socket_;
};

}  // namespace barevip::netlink
