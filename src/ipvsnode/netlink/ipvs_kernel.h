// SPDX-License-Identifier: Apache-2.0
// ipvs::Kernel by generic netlink.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "barevip/ipvs/kernel.h"

#include "ipvsnode/netlink/batch.h"
#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// The IPVS table of the network namespace that its socket was opened in. Not thread-safe.
///
/// Cost, measured on a User-Mode-Linux node with one CPU: about 8 us a message in batches, 0.2-0.3
/// ms a virtual server in a dump (the kernel lists real servers of one virtual server at a time).
class IpvsKernel final : public ipvs::Kernel {
 public:
  /// Opens a NETLINK_GENERIC socket and looks the IPVS family up. kUnsupported if this kernel has
  /// no ip_vs, kForbidden without CAP_NET_ADMIN. namespaceFd as in SocketOptions.
  [[nodiscard]] static Result<IpvsKernel> open(int namespaceFd = -1);
  /// The same over a socket that is there already.
  [[nodiscard]] static Result<IpvsKernel> open(Socket socket);

  Result<std::vector<ipvs::VirtualServer>> dump() override;
  Result<std::vector<ipvs::OpResult>> apply(std::span<const ipvs::Op> plan) override;
  Result<ipvs::Timeouts> timeouts() override;
  Result<void> setTimeouts(const ipvs::Timeouts& wish) override;

 private:
  IpvsKernel(Socket socket, std::uint16_t family) : socket_(std::move(socket)), family_(family) {}

  Result<void> dumpRealServers(ipvs::VirtualServer& server);
  /// Turns adds of what is there (EEXIST) into sets, unless a later op of the plan has the say.
  Result<void> convertAdds(std::span<const ipvs::Op> plan, std::vector<ipvs::OpResult>& results);
  Result<std::vector<ipvs::OpResult>> sendOps(std::span<const ipvs::Op> ops);

  Socket socket_;
  std::uint16_t family_;
};

}  // namespace barevip::netlink
