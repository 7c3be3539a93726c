// SPDX-License-Identifier: Apache-2.0
// ipvs::Traffic by generic netlink.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "barevip/ipvs/traffic.h"

#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// Of the network namespace that its socket was opened in. Not thread-safe; the socket is its own,
/// so an IpvsKernel of another thread does not wait for it.
class IpvsTraffic final : public ipvs::Traffic {
 public:
  /// Errors as those of IpvsKernel::open.
  [[nodiscard]] static Result<IpvsTraffic> open();

  Result<std::vector<ipvs::VirtualServerTraffic>> virtualServers() override;
  Result<std::vector<ipvs::RealServerTraffic>> realServers(
      const ipvs::VirtualServerKey& key) override;

 private:
  IpvsTraffic(Socket socket, std::uint16_t family) : socket_(std::move(socket)), family_(family) {}

  Socket socket_;
  std::uint16_t family_;
};

}  // namespace barevip::netlink
