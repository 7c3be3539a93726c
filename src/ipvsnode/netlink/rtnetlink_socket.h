// SPDX-License-Identifier: Apache-2.0
// net::Rtnetlink by rtnetlink.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "barevip/net/rtnetlink.h"

#include "ipvsnode/netlink/batch.h"
#include "ipvsnode/netlink/route_codec.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

struct RtnetlinkOptions {
  /// A network namespace by descriptor, or -1, as in SocketOptions.
  int namespaceFd = -1;
  /// Devices on which every host address but the loopback ones is ours, whatever the kernel can
  /// keep of marks: "lo" in a balancer namespace, the dummy device with --placement=host. Kernels
  /// before 5.18 keep no mark of IPv6 addresses: there, a deprecated host address on another device
  /// is ours too if it also stands on one of these.
  std::set<std::string> ownDevices{};
};

/// Items of the namespace that its socket was opened in. Not thread-safe.
class RtnetlinkSocket final : public net::Rtnetlink {
 public:
  [[nodiscard]] static Result<RtnetlinkSocket> open(const RtnetlinkOptions& options = {});
  /// Over a NETLINK_ROUTE socket that is there already.
  RtnetlinkSocket(Socket socket, std::set<std::string> ownDevices)
      : socket_(std::move(socket)), ownDevices_(std::move(ownDevices)) {}

  /// Our netlink port: a Monitor knows our own changes by it.
  [[nodiscard]] std::uint32_t port() const { return socket_.port(); }

  Result<std::vector<net::NetObject>> dumpOwned() override;
  Result<std::vector<net::BoundAddress>> dumpAddresses() override;
  Result<std::vector<int>> apply(std::span<const net::NetOp> plan) override;
  Result<net::Device> device(const std::string& name) override;

 private:
  Result<DeviceNames> deviceNames();
  Result<std::vector<ListedAddress>> listAddresses(const DeviceNames& devices);
  Result<std::vector<net::Route>> listOurRoutes(const DeviceNames& devices);
  Result<std::vector<ListedNeighbour>> listNeighbours(const DeviceNames& devices);
  Result<std::vector<net::Rule>> listOurRules();

  [[nodiscard]] bool isOurs(const ListedAddress& address,
                            const std::vector<ListedAddress>& all) const;

  /// What has to be known before a plan is sent.
  struct Before {
    /// The kernel does not refuse to overwrite or delete these, so we do.
    std::set<net::ProxyNeighbour> foreignNeighbours;
    std::set<net::BoundAddress> foreignAddresses;
    /// A new route to where our own leads takes its place.
    std::map<std::pair<IpPrefix, std::uint32_t>, net::Route> ourRoutes;  ///< by target and table
  };
  class Encoder;

  /// A plan in which no two ops concern one place: only then is what was there before what each op
  /// meets, and what is there after what each op left.
  Result<std::vector<int>> applyDistinct(std::span<const net::NetOp> plan);
  Result<Before> lookBefore(std::span<const net::NetOp> plan, const DeviceNames& devices);

  /// EEXIST becomes 0 where the item that is there is ours.
  Result<void> settleExisting(std::span<const net::NetOp> plan, const DeviceNames& devices,
                              std::vector<int>& results);
  /// Writes what came of each op into `results`.
  Result<void> sendPlanned(std::span<const net::NetOp> plan, const DeviceNames& devices,
                           const Before& before, std::vector<int>& results);

  Socket socket_;
  std::set<std::string> ownDevices_;
};

}  // namespace barevip::netlink
