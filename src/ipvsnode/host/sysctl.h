// SPDX-License-Identifier: Apache-2.0
// The kernel settings that the data path needs: a pure table, and an edge that makes it true.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/net/data_path.h"

namespace barevip::host {

/// One setting. Names are written with '/', as in "net/ipv4/conf/eth0.100/rp_filter": a dot may be
/// part of a device's name (man 5 sysctl.d).
struct Sysctl {
  enum class Demand : std::uint8_t {
    kSet,     ///< the value must be this; it is set where it differs
    kRefuse,  ///< the value must not be this; it belongs to the administrator, we only say so
    kWish,    ///< as kSet, but a kernel without it is fine
  };

  std::string name;
  std::string value;
  std::string why;
  Demand demand = Demand::kSet;
  /// Only while another setting has this value, looked at in the table's order.
  struct Condition {
    std::string name;
    std::string value;
  };
  std::vector<Condition> onlyWhile{};
  /// What cannot be served from outside while it differs; empty: that goes on.
  std::optional<net::Breakage> breaks{};
};

struct KernelVersion {
  unsigned major = 0;
  unsigned minor = 0;

  /// From "6.1.0-18-amd64"; 0.0 if it is not a version.
  [[nodiscard]] static KernelVersion parse(std::string_view release);
  [[nodiscard]] static KernelVersion running();
  [[nodiscard]] bool atLeast(unsigned wantedMajor, unsigned wantedMinor) const {
    return major > wantedMajor || (major == wantedMajor && minor >= wantedMinor);
  }
  friend bool operator==(const KernelVersion&, const KernelVersion&) = default;
};

/// For devices that follow router advertisements, before forwarding is switched on for any: with it
/// the kernel ignores them and drops the default routes that they made, unless accept_ra is 2
/// (Documentation/networking/ip-sysctl.rst; net/ipv6/route.c, rt6_purge_dflt_routers). Where
/// forwarding is on already, that was a choice.
[[nodiscard]] std::vector<Sysctl> advertisementSysctls(const std::set<std::string>& devices);
/// In the balancer namespace.
[[nodiscard]] std::vector<Sysctl> directorSysctls(bool ipv6, KernelVersion kernel);
/// On the node beside the balancer namespace, for these bind interfaces.
[[nodiscard]] std::vector<Sysctl> nodeSysctls(const std::vector<std::string>& bindInterfaces,
                                              bool ipv6);
/// On the node with placement kHost.
[[nodiscard]] std::vector<Sysctl> hostPlacementSysctls(
    const std::vector<std::string>& bindInterfaces, bool ipv6, KernelVersion kernel);

/// With placement kDirector, of a device that belongs to the administrator: looked at by the daemon
/// only, since a cluster without IPv6 VIPs may well have it off there.
[[nodiscard]] std::vector<Sysctl> familySysctls(const std::vector<std::string>& bindInterfaces);

/// A setting that is not as it must be.
struct Deviation {
  std::string text;  ///< name, value, wanted, why
  std::optional<net::Breakage> breaks{};
};

struct SysctlReport {
  std::vector<std::string> changed;  ///< "net/ipv4/ip_forward: 0 -> 1"
  /// One sentence for each that is not as it must be: name, value, wanted, why, what to do.
  std::vector<std::string> problems;
};

/// Settings of the calling thread's network namespace, below a folder that tests replace.
class SysctlTree {
 public:
  explicit SysctlTree(std::filesystem::path root = "/proc/sys") : root_(std::move(root)) {}

  /// Trimmed value; kNotFound if the kernel has no such setting.
  [[nodiscard]] Result<std::string> read(const std::string& name) const;
  /// kForbidden for a read-only /proc/sys, kNotFound if there is no such setting.
  [[nodiscard]] Result<void> write(const std::string& name, const std::string& value) const;

  /// Writes what differs and can be written, reports the rest by name.
  [[nodiscard]] SysctlReport apply(const std::vector<Sysctl>& table) const;
  /// Only looks.
  [[nodiscard]] std::vector<Deviation> check(const std::vector<Sysctl>& table) const;
  /// IPv6 is built in and not disabled for the whole namespace.
  [[nodiscard]] bool hasIpv6() const;

 private:
  [[nodiscard]] bool applies(const Sysctl& entry) const;

  std::filesystem::path root_;
};

/// False while IPVS's counters stand still in this namespace, since nothing estimates its rates.
[[nodiscard]] bool estimatesTraffic(const SysctlTree& tree = SysctlTree());

}  // namespace barevip::host
