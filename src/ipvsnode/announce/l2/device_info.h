// SPDX-License-Identifier: Apache-2.0
// What packets and set-up need to know of a device.
#pragma once

#include <optional>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

#include "ipvsnode/announce/l2/arp_frame.h"

namespace barevip::host {

struct DeviceInfo {
  int index = 0;
  int mtu = 0;
  std::optional<MacAddress> mac;  ///< Ethernet devices only
  std::optional<IpAddress> ipv4;  ///< its first address
};

/// Asks by ioctl on a socket of any kind, whose network namespace counts. kNotFound if there is no
/// such device.
[[nodiscard]] Result<DeviceInfo> deviceInfo(int socket, const std::string& name);

/// The same in the calling thread's namespace.
[[nodiscard]] Result<DeviceInfo> deviceInfo(const std::string& name);

}  // namespace barevip::host
