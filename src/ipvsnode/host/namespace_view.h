// SPDX-License-Identifier: Apache-2.0
// What a network namespace holds of devices, addresses and default routes: to see what is right
// already, so that it is not written again.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/net/bind_interfaces.h"

namespace barevip::host {

struct NamespaceView {
  struct Device {
    bool up = false;
    int mtu = 0;
    std::set<std::pair<IpAddress, std::uint8_t>> addresses;  ///< with prefix lengths
  };
  struct DefaultRoute {
    std::string device;
    IpAddress gateway;
    std::uint32_t metric = 0;  ///< of several by one gateway the lowest

    friend bool operator==(const DefaultRoute& a, const DefaultRoute& b) {
      return a.device == b.device && a.gateway == b.gateway;
    }
    friend bool operator<(const DefaultRoute& a, const DefaultRoute& b) {
      return std::tie(a.device, a.gateway) < std::tie(b.device, b.gateway);
    }
  };

  std::map<std::string, Device> devices;
  std::set<DefaultRoute> defaultRoutes;  ///< of the main table
  std::set<std::string> advertised;      ///< devices with routes of router advertisements
};

/// Of the calling thread's namespace.
[[nodiscard]] Result<NamespaceView> viewNamespace();

/// Devices of the default routes of a family that have the lowest metric.
[[nodiscard]] std::set<std::string> preferredDevices(const NamespaceView& view, Family family);

/// Of these devices, those that are there, in this order.
[[nodiscard]] net::BindInterfaces bindInterfacesOf(const NamespaceView& view,
                                                   const std::vector<std::string>& names);

/// By which the namespace reaches other networks: a VIP with such an address would cut it off.
[[nodiscard]] std::set<IpAddress> gatewaysOf(const NamespaceView& view);

/// Default routes by a gateway in /proc/net/route and /proc/net/ipv6_route; any bytes.
[[nodiscard]] std::set<NamespaceView::DefaultRoute> parseRoutes4(std::string_view text);
[[nodiscard]] std::set<NamespaceView::DefaultRoute> parseRoutes6(std::string_view text);
/// Devices in /proc/net/ipv6_route on which the kernel itself learned a route by an advertisement;
/// any bytes.
[[nodiscard]] std::set<std::string> parseAdvertised(std::string_view text);

}  // namespace barevip::host
