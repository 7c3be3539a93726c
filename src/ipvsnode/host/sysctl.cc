// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/sysctl.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"

namespace barevip::host {

namespace {

using Demand = Sysctl::Demand;

/// Of the bind interfaces, one each: proxy ARP between two of them goes on.
constexpr std::size_t kFirstMedium = 11801;

constexpr const char* kRunEstimation = "net/ipv4/vs/run_estimation";

Sysctl breaking(Family family, const char* cause, Sysctl entry) {
  entry.breaks = net::Breakage{family, cause};
  return entry;
}

std::vector<Sysctl> ipvsSysctls(KernelVersion kernel) {
  return {
      breaking(Family::kIpv4, "vs_conntrack",
               {"net/ipv4/vs/conntrack", "1",
                "the masquerade of what IPVS forwards needs its connections"}),
      {"net/ipv4/vs/expire_nodest_conn", "1",
       "connections to a pod that is gone end instead of hanging"},
      {"net/ipv4/vs/expire_quiescent_template", "1",
       "session affinity lets go of a pod that is terminating", Demand::kWish},
      // Before 5.9 a reused port with conntrack costs its client a second.
      {"net/ipv4/vs/conn_reuse_mode", kernel.atLeast(5, 9) ? "1" : "0",
       "a client's reused port is balanced again", Demand::kWish},
  };
}

/// What makes many VIPs cheap in the packet path. Not with placement kHost: other programs' virtual
/// servers have the same settings.
std::vector<Sysctl> manyVipsSysctls(bool ipv6, KernelVersion kernel) {
  std::vector<Sysctl> table;
  // From 6.2 on threads estimate, in small steps. Without estimation the counters stand still, too.
  if (!kernel.atLeast(6, 2)) {
    table.push_back({kRunEstimation, "0",
                     "a timer that reads the counters of every server every two seconds holds "
                     "packets up",
                     Demand::kWish});
  }
  if (!ipv6) return table;
  for (const net::Pair& pair : {net::kOutside, net::kInside}) {
    table.push_back({"net/ipv6/conf/" + std::string(pair.directorDevice) + "/use_oif_addrs_only",
                     "1",
                     "the masquerade of a new connection looks for its address on the way out "
                     "alone, not among all VIPs",
                     Demand::kWish});
  }
  return table;
}

void append(std::vector<Sysctl>& table, std::vector<Sysctl> more) {
  table.insert(table.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

std::vector<Sysctl> forwarding(const std::vector<std::string>& bindInterfaces, bool ipv6) {
  std::vector<Sysctl> table;
  const std::string why = "packets are forwarded to and from pods";
  table.push_back(breaking(Family::kIpv4, "ip_forward", {"net/ipv4/ip_forward", "1", why}));
  if (ipv6)
    table.push_back(
        breaking(Family::kIpv6, "ipv6_forwarding", {"net/ipv6/conf/all/forwarding", "1", why}));
  for (const std::string& one : bindInterfaces) {
    table.push_back(breaking(Family::kIpv4, "interface_forwarding",
                             {"net/ipv4/conf/" + one + "/forwarding", "1",
                              "ARP for VIPs is answered only where packets are forwarded"}));
    if (!ipv6) continue;
    table.push_back(
        breaking(Family::kIpv6, "interface_forwarding",
                 {"net/ipv6/conf/" + one + "/forwarding", "1",
                  "neighbour discovery of VIPs is answered only where packets are forwarded"}));
  }
  // Replies take the default route of the interface that their request came in by.
  for (std::size_t i = 1; i < bindInterfaces.size(); ++i) {
    table.push_back({"net/ipv4/conf/" + bindInterfaces[i] + "/rp_filter", "1",
                     "strict filtering of sources drops clients behind a router, since the default "
                     "route of the node is by another interface; set it to 2 (loose) or 0 in "
                     "/etc/sysctl.d",
                     Demand::kRefuse});
  }
  return table;
}

/// Proxy ARP of an interface answers for all that is routed by another device: on each node for
/// each VIP. It does not for what is of the same medium, and devices of the medium -1 are of all of
/// them (arp_fwd_proxy in net/ipv4/arp.c). Neighbours that are proxied by name, as a VIP on its
/// owner, do not depend on it.
void addMedia(std::vector<Sysctl>& table, const std::vector<std::string>& bindInterfaces) {
  const std::string why = "proxy ARP of an interface answers for no VIP; only its owner does";
  for (const net::Pair& pair : {net::kOutside, net::kInside}) {
    table.push_back(
        {"net/ipv4/conf/" + std::string(pair.nodeDevice) + "/medium_id", "-1", why, Demand::kSet});
  }
  for (std::size_t i = 0; i < bindInterfaces.size(); ++i) {
    const std::string name = "net/ipv4/conf/" + bindInterfaces[i] + "/medium_id";
    table.push_back({name, std::to_string(kFirstMedium + i), why, Demand::kSet, {{name, "0"}}});
  }
}

/// Settings that a device must have before it comes up, and those of a namespace.
void addPairEnd(std::vector<Sysctl>& table, const std::string& device, bool ipv6) {
  table.push_back(
      breaking(Family::kIpv4, "rp_filter",
               {"net/ipv4/conf/" + device + "/rp_filter", "0",
                "packets with addresses of clients arrive here, whose route is another"}));
  table.push_back(
      breaking(Family::kIpv4, "pair_forwarding",
               {"net/ipv4/conf/" + device + "/forwarding", "1", "packets are passed on"}));
  if (ipv6) {
    table.push_back(
        breaking(Family::kIpv6, "disable_ipv6",
                 {"net/ipv6/conf/" + device + "/disable_ipv6", "0", "VIPs of IPv6 pass here"}));
    table.push_back(
        breaking(Family::kIpv6, "pair_forwarding",
                 {"net/ipv6/conf/" + device + "/forwarding", "1", "packets are passed on"}));
    table.push_back({"net/ipv6/conf/" + device + "/accept_dad", "0",
                     "addresses of the pair are usable at once", Demand::kWish});
    table.push_back({"net/ipv6/conf/" + device + "/accept_ra", "0",
                     "nobody advertises routers on the pair", Demand::kWish});
  }
}

/// For all interfaces: every node has every VIP, and one more interface in the same segment would
/// answer for it, too. Stricter values of arp_ignore are as good.
void addArpOfOwnerOnly(std::vector<Sysctl>& table,
                       const std::vector<Sysctl::Condition>& onlyWhile) {
  const std::string arpIgnore = "net/ipv4/conf/all/arp_ignore";
  std::vector<Sysctl::Condition> unset = onlyWhile;
  unset.push_back({arpIgnore, "0"});
  table.push_back(
      {arpIgnore, "1", "only the owner of a VIP answers ARP for it", Demand::kSet, unset});
  table.push_back({"net/ipv4/conf/all/arp_announce", "2",
                   "a VIP is never the sender of an ARP question", Demand::kSet, onlyWhile});
}

std::string describeProblem(const Sysctl& entry, const std::string& found) {
  if (entry.demand == Demand::kRefuse) {
    return "sysctl " + entry.name + " is " + found + ": " + entry.why;
  }
  return "sysctl " + entry.name + " is " + found + ", but must be " + entry.value + " (" +
         entry.why + ")";
}

bool holds(const Sysctl& entry, const std::string& value) {
  return (entry.demand == Demand::kRefuse) != (value == entry.value);
}

}  // namespace

KernelVersion KernelVersion::parse(std::string_view release) {
  KernelVersion version;
  const char* end = release.data() + release.size();
  const auto major = std::from_chars(release.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return {};
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc()) return {};
  return version;
}

KernelVersion KernelVersion::running() {
  utsname name{};
  return ::uname(&name) == 0 ? parse(name.release) : KernelVersion{};
}

std::vector<Sysctl> advertisementSysctls(const std::set<std::string>& devices) {
  std::vector<Sysctl> table;
  for (const std::string& device : devices) {
    const std::string folder = "net/ipv6/conf/" + device;
    table.push_back({folder + "/accept_ra",
                     "2",
                     "the router advertisements that this interface follows stay valid",
                     Demand::kWish,
                     {{folder + "/forwarding", "0"}, {folder + "/accept_ra", "1"}}});
  }
  return table;
}

std::vector<Sysctl> directorSysctls(bool ipv6, KernelVersion kernel) {
  std::vector<Sysctl> table = ipvsSysctls(kernel);
  append(table, manyVipsSysctls(ipv6, kernel));
  append(table, forwarding({}, ipv6));
  if (ipv6) {
    table.push_back(
        breaking(Family::kIpv6, "disable_ipv6",
                 {"net/ipv6/conf/all/disable_ipv6", "0", "VIPs of IPv6 are served here"}));
  }
  // IPVS says so by ICMP. Pods and the node share one sender, whose limit is one in a second.
  const char* const refused = "a client of a VIP without a pod is refused at once";
  table.push_back({"net/ipv4/icmp_ratelimit", "0", refused, Demand::kWish});
  if (ipv6) table.push_back({"net/ipv6/icmp/ratelimit", "0", refused, Demand::kWish});
  for (const char* name : {"all", "default"}) {
    table.push_back({std::string("net/ipv4/conf/") + name + "/rp_filter", "0",
                     "packets with addresses of clients arrive here, whose route is another"});
    table.push_back(
        {std::string("net/ipv4/conf/") + name + "/send_redirects", "0",
         "packets leave by the device that they came in by; no redirect shortens that"});
  }
  for (const net::Pair& pair : {net::kOutside, net::kInside}) {
    addPairEnd(table, pair.directorDevice, ipv6);
    table.push_back(
        {std::string("net/ipv4/conf/") + pair.directorDevice + "/send_redirects", "0",
         "packets leave by the device that they came in by; no redirect shortens that"});
  }
  return table;
}

std::vector<Sysctl> nodeSysctls(const std::vector<std::string>& bindInterfaces, bool ipv6) {
  std::vector<Sysctl> table = forwarding(bindInterfaces, ipv6);
  table.push_back(
      breaking(Family::kIpv4, "rp_filter",
               {"net/ipv4/conf/all/rp_filter", "1",
                "strict filtering of sources, which no device can be exempted from, drops what "
                "the balancer namespace forwards; set it to 2 (loose) or 0 in /etc/sysctl.d",
                Demand::kRefuse}));
  for (const net::Pair& pair : {net::kOutside, net::kInside})
    addPairEnd(table, pair.nodeDevice, ipv6);
  // kube-proxy in ipvs mode, whose device this is, holds what it forwards on every node; its own
  // setting strictARP does the same and is off by default.
  addArpOfOwnerOnly(table, {{"net/ipv4/conf/kube-ipvs0/forwarding", "1"}});
  addMedia(table, bindInterfaces);
  for (const std::string& one : bindInterfaces) {
    table.push_back({"net/ipv4/neigh/" + one + "/proxy_delay", "0",
                     "ARP for VIPs is answered at once, not after up to 0.8 s"});
    if (!ipv6) continue;
    table.push_back({"net/ipv6/neigh/" + one + "/proxy_delay", "0",
                     "neighbour discovery of VIPs is answered at once"});
    table.push_back(breaking(
        Family::kIpv6, "proxy_ndp",
        {"net/ipv6/conf/" + one + "/proxy_ndp", "1", "neighbour discovery of VIPs is answered"}));
  }
  return table;
}

std::vector<Sysctl> hostPlacementSysctls(const std::vector<std::string>& bindInterfaces, bool ipv6,
                                         KernelVersion kernel) {
  std::vector<Sysctl> table = ipvsSysctls(kernel);
  append(table, forwarding(bindInterfaces, ipv6));
  addArpOfOwnerOnly(table, {});
  return table;
}

std::vector<Sysctl> familySysctls(const std::vector<std::string>& bindInterfaces) {
  std::vector<Sysctl> table;
  table.reserve(bindInterfaces.size());
  for (const std::string& one : bindInterfaces) {
    table.push_back(
        breaking(Family::kIpv6, "disable_ipv6",
                 {"net/ipv6/conf/" + one + "/disable_ipv6", "1",
                  "VIPs of IPv6 cannot be announced there; set it to 0 if this node should",
                  Demand::kRefuse}));
  }
  return table;
}

Result<std::string> SysctlTree::read(const std::string& name) const {
  const FileDescriptor file(::open((root_ / name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return tl::make_unexpected(systemError("cannot read sysctl " + name, errno));
  std::array<char, 256> buffer;
  const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
  if (got < 0) return tl::make_unexpected(systemError("cannot read sysctl " + name, errno));
  std::string value(buffer.data(), static_cast<std::size_t>(got));
  while (!value.empty() && (value.back() == '\n' || value.back() == ' ')) value.pop_back();
  return value;
}

Result<void> SysctlTree::write(const std::string& name, const std::string& value) const {
  const FileDescriptor file(::open((root_ / name).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file.valid()) return tl::make_unexpected(systemError("cannot write sysctl " + name, errno));
  // Some handlers answer 1 however much they took (net/ipv6/addrconf.c, addrconf_sysctl_forward).
  if (::write(file.get(), value.data(), value.size()) <= 0) {
    return tl::make_unexpected(systemError("cannot write sysctl " + name, errno));
  }
  return {};
}

bool SysctlTree::applies(const Sysctl& entry) const {
  return std::all_of(entry.onlyWhile.begin(), entry.onlyWhile.end(), [&](const auto& condition) {
    const auto value = read(condition.name);
    return value && *value == condition.value;
  });
}

SysctlReport SysctlTree::apply(const std::vector<Sysctl>& table) const {
  SysctlReport report;
  for (const Sysctl& entry : table) {
    if (!applies(entry)) continue;
    const auto found = read(entry.name);
    if (!found) {
      if (entry.demand == Demand::kSet) {
        report.problems.push_back(found.error().message + " (" + entry.why + ")");
      }
      continue;
    }
    if (holds(entry, *found)) continue;
    if (entry.demand == Demand::kRefuse) {
      report.problems.push_back(describeProblem(entry, *found));
    } else if (const auto written = write(entry.name, entry.value); written) {
      report.changed.push_back(entry.name + ": " + *found + " -> " + entry.value);
    } else {
      report.problems.push_back(describeProblem(entry, *found) + ": " + written.error().message);
    }
  }
  return report;
}

std::vector<Deviation> SysctlTree::check(const std::vector<Sysctl>& table) const {
  std::vector<Deviation> deviations;
  for (const Sysctl& entry : table) {
    if (entry.demand == Demand::kWish || !applies(entry)) continue;
    const auto found = read(entry.name);
    if (!found) {
      deviations.push_back({found.error().message + " (" + entry.why + ")", entry.breaks});
    } else if (!holds(entry, *found)) {
      deviations.push_back({describeProblem(entry, *found), entry.breaks});
    }
  }
  return deviations;
}

bool SysctlTree::hasIpv6() const {
  const auto disabled = read("net/ipv6/conf/all/disable_ipv6");
  return disabled && *disabled == "0";
}

bool estimatesTraffic(const SysctlTree& tree) {
  // A kernel without the setting always does.
  const auto value = tree.read(kRunEstimation);
  return !value || *value != "0";
}

}  // namespace barevip::host
