// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/l2/device_info.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"

namespace barevip::host {

Result<DeviceInfo> deviceInfo(int socket, const std::string& name) {
  ifreq request{};
  if (name.empty() || name.size() >= sizeof(request.ifr_name)) {
    return fail(ErrorCode::kInvalid, "\"" + name + "\" is not a device name: 1 to 15 characters");
  }
  const auto ask = [&](unsigned long what) {
    request = {};
    std::copy(name.begin(), name.end(), std::begin(request.ifr_name));
    return ::ioctl(socket, what, &request) == 0;
  };
  DeviceInfo info;
  if (!ask(SIOCGIFINDEX)) {
    return tl::make_unexpected(systemError("device " + name, errno));
  }
  info.index = request.ifr_ifindex;
  if (ask(SIOCGIFMTU)) info.mtu = request.ifr_mtu;
  if (ask(SIOCGIFHWADDR) && request.ifr_hwaddr.sa_family == ARPHRD_ETHER) {
    info.mac.emplace();
    std::memcpy(info.mac->data(), request.ifr_hwaddr.sa_data, info.mac->size());
  }
  if (ask(SIOCGIFADDR) && request.ifr_addr.sa_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &request.ifr_addr, sizeof(address));
    if (const auto ip = IpAddress::fromBytes(std::as_bytes(std::span(&address.sin_addr, 1)))) {
      info.ipv4 = *ip;
    }
  }
  return info;
}

Result<DeviceInfo> deviceInfo(const std::string& name) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return tl::make_unexpected(systemError("cannot open a socket", errno));
  return deviceInfo(socket.get(), name);
}

}  // namespace barevip::host
