// SPDX-License-Identifier: Apache-2.0
// This node's kernel, opened where a placement needs it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/ipvs/traffic.h"
#include "barevip/net/announcer.h"

#include "common/base/command.h"
#include "ipvsnode/announce/l2/announcer_raw.h"
#include "ipvsnode/apply/applier.h"
#include "ipvsnode/daemon/options.h"
#include "ipvsnode/host/host_setup.h"
#include "ipvsnode/host/network_namespace.h"
#include "ipvsnode/netlink/ipvs_kernel.h"
#include "ipvsnode/netlink/monitor.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"

namespace barevip::node {

/// The interfaces that --bind-iface means, each once, in its order. auto: that of the default route
/// with the lowest metric, IPv4's before IPv6's. Of several names those that are there; the error
/// names what is there to choose from.
[[nodiscard]] Result<std::vector<std::string>> resolveInterfaces(
    const std::vector<std::string>& names);

/// "eth0, eth1"
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

/// Opens all sockets at start; the process drops what it may do beyond NET_ADMIN and NET_RAW right
/// after it entered the balancer namespace. One owner thread after open().
class KernelHandles {
 public:
  /// Checks first, in this order: capabilities, the interface, IPVS, and with Placement::kHost
  /// kube-proxy's mode. Each error is one sentence for people. To be called in the main thread
  /// before any other thread starts. stop ends programs that run for the packet filter.
  static Result<std::unique_ptr<KernelHandles>> open(const Options& options, std::stop_token stop);

  /// Packet filters of the placement; slow (it runs programs), needed by all but --dump. The error
  /// says what the kernel lacks.
  Result<void> openFilters();

  [[nodiscard]] KernelWriters writers();
  /// At least one.
  [[nodiscard]] const std::vector<std::string>& bindInterfaces() const {
    return host_.bindInterfaces;
  }
  [[nodiscard]] bool hasIpv6() const { return ipv6_; }

  /// For one more thread each.
  Result<std::unique_ptr<net::Announcer>> openAnnouncer();
  /// The counters of IPVS, by a socket of their own.
  Result<std::unique_ptr<ipvs::Traffic>> openTraffic();
  /// Whether the kernel brings those counters up to date. Thread-safe; waits for what runs in the
  /// balancer namespace.
  [[nodiscard]] bool countsTraffic();
  using Monitors = std::vector<std::unique_ptr<netlink::Monitor>>;
  /// Calls `changed`, on threads of their own, when anything else changes links of either
  /// namespace. For as long as the monitors live: what `changed` refers to must outlive them.
  Result<Monitors> watch(const std::function<void()>& changed);

  [[nodiscard]] Result<host::HostSetupReport> verifyHost();

 private:
  KernelHandles(host::HostSetupOptions host, std::stop_token stop)
      : host_(std::move(host)), stop_(std::move(stop)) {}
  Result<void> openKernel();

  const host::HostSetupOptions host_;
  const std::stop_token stop_;
  bool ipv6_ = true;
  SystemCommandRunner runner_;
  std::unique_ptr<host::NamespaceThread> director_;  ///< null with Placement::kHost
  std::optional<host::NamespaceCommandRunner> directorRunner_;
  std::optional<netlink::IpvsKernel> ipvs_;
  std::optional<netlink::RtnetlinkSocket> nodeLinks_;
  std::optional<netlink::RtnetlinkSocket> directorLinks_;
  std::vector<std::unique_ptr<net::PacketFilter>> filters_;
};

}  // namespace barevip::node
