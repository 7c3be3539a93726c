// SPDX-License-Identifier: Apache-2.0
// What the data path stands on: namespace, pairs of devices, routes, sysctls. What
// `barevip-node init` makes, and what the daemon checks.
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/net/bind_interfaces.h"
#include "barevip/net/data_path.h"

#include "common/base/command.h"
#include "ipvsnode/host/network_namespace.h"
#include "ipvsnode/host/sysctl.h"

namespace barevip::host {

struct HostSetupOptions {
  net::Placement placement = net::Placement::kDirector;
  std::vector<std::string> bindInterfaces;  ///< as net::BindInterfaces
  std::string namespacePath = net::kDirectorNamespacePath;
  /// A second mount of the same namespace; empty: none. It is a mount and no symbolic link, since a
  /// release that knows this path alone must find the namespace there after a rollback.
  std::string namespaceAlias = net::kDirectorNamespaceAlias;
};

struct HostSetupReport {
  std::vector<std::string> done;      ///< what was changed, a line each; empty: all was right
  std::vector<std::string> notices;   ///< what is missing and can be lived with
  std::vector<std::string> problems;  ///< what is wrong; each sentence says who can fix it
  /// False: what runs beside us makes this placement unsafe now, so that other nodes should
  /// announce. Set by verifyHost only.
  bool safe = true;
  /// Of the problems, those that keep packets from getting through. Set by verifyHost only.
  std::set<net::Breakage> broken{};
  /// Default gateways of the node. Set by verifyHost only.
  std::set<IpAddress> gateways{};
  /// Those of the bind interfaces that are there. Set by verifyHost only.
  net::BindInterfaces interfaces{};
};

/// `barevip-node init`: modules, namespace, devices, addresses, routes, sysctls. Idempotent. Needs
/// CAP_SYS_ADMIN, CAP_NET_ADMIN and a writable /proc/sys: a privileged container. An error means
/// that the data path cannot work; problems that it can start with.
[[nodiscard]] Result<HostSetupReport> setUpHost(const HostSetupOptions& options,
                                                CommandRunner& runner,
                                                const std::stop_token& stop = {});

/// The daemon's view, at start and at every resync. Makes again the devices, addresses and routes
/// that are gone (CAP_NET_ADMIN is enough for that); sysctls are only looked at, since /proc/sys is
/// read-only in its container: a problem says to run init again. `director` is null for placement
/// kHost; then kube-proxy's mode is looked at, too: it may have come up after the daemon. Called
/// from a thread of the node's namespace.
[[nodiscard]] Result<HostSetupReport> verifyHost(const HostSetupOptions& options,
                                                 NamespaceThread* director, CommandRunner& runner,
                                                 const std::stop_token& stop = {});

/// `barevip-node cleanup`: removes the devices and the namespace, all of IPVS in it included.
/// Sysctls stay: others may rely on them. Packet filter rules are PacketFilter::clear's.
[[nodiscard]] Result<HostSetupReport> tearDownHost(const HostSetupOptions& options);

}  // namespace barevip::host
