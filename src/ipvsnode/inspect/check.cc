// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/inspect/check.h"

#include <algorithm>
#include <utility>

namespace barevip::node {
namespace {

using host::ModuleState;
using Level = Finding::Level;

constexpr unsigned kLeastKernelMajor = 5;
constexpr unsigned kLeastKernelMinor = 9;
constexpr unsigned kLeastApiMinor = 32;
constexpr int kLeastMtu = 1280;  // RFC 8200; an IPv4 path below it is not Ethernet either

std::string notChecked(const std::string& why) { return "not checked, because " + why; }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Finding kernel(const CheckFacts& facts) {
  const auto version = host::KernelVersion::parse(facts.kernelRelease);
  if (version.atLeast(kLeastKernelMajor, kLeastKernelMinor)) {
    return {Level::kOk, "kernel", facts.kernelRelease, ""};
  }
  return {Level::kProblem, "kernel", facts.kernelRelease + " is older than 5.9",
          "Upgrade the node to Linux 5.9 or newer"};
}

bool isScheduler(const host::Module& module) { return module.why == "a scheduler"; }

std::string packages(const std::string& release) {
  return "Install the distribution's package of further modules for the running kernel (Debian: "
         "linux-image-amd64 instead of a -cloud kernel; Ubuntu: linux-modules-extra-" +
         release + "; Fedora and RHEL: kernel-modules-extra), or build them into the kernel";
}

void addModules(const CheckFacts& facts, std::vector<Finding>& findings) {
  std::size_t there = 0;
  std::size_t toLoad = 0;
  std::vector<std::string> unknown;
  std::vector<std::string> schedulers;
  std::vector<Finding> missing;
  for (const auto& [module, state] : facts.modules) {
    if (state == ModuleState::kUnknown) {
      unknown.push_back(module.name);
    } else if (state != ModuleState::kMissing) {
      ++there;
      toLoad += state == ModuleState::kLoadable ? 1U : 0U;
    } else if (isScheduler(module)) {
      schedulers.push_back(module.name);
    } else {
      missing.push_back({Level::kProblem, "module " + module.name,
                         "the kernel does not have it (" + module.why + ")",
                         packages(facts.kernelRelease)});
    }
  }
  if (there > 0 || unknown.empty()) {
    findings.push_back(
        {Level::kOk, "modules",
         std::to_string(there) + " there, of which init loads " + std::to_string(toLoad), ""});
  }
  findings.insert(findings.end(), missing.begin(), missing.end());
  if (!schedulers.empty()) {
    findings.push_back({Level::kWarning, "schedulers",
                        "the kernel does not have " + joined(schedulers),
                        "Name none of them in --scheduler or barevip.dev/scheduler. " +
                            packages(facts.kernelRelease)});
  }
  if (!unknown.empty()) {
    findings.push_back({Level::kWarning, "modules",
                        joined(unknown) + ": " +
                            notChecked("/lib/modules/" + facts.kernelRelease +
                                       " cannot be read and they are not loaded"),
                        "Mount /lib/modules of the node, read-only, or run the check on the node"});
  }
}

Finding ipvs(const CheckFacts& facts) {
  const auto found = std::find_if(facts.modules.begin(), facts.modules.end(),
                                  [](const auto& fact) { return fact.module.name == "ip_vs"; });
  const ModuleState state = found == facts.modules.end() ? ModuleState::kUnknown : found->state;
  switch (state) {
    case ModuleState::kLoaded:
    case ModuleState::kBuiltIn:
      return {Level::kOk, "IPVS", "usable", ""};
    case ModuleState::kLoadable:
      return {Level::kOk, "IPVS", "not loaded yet; init loads ip_vs", ""};
    case ModuleState::kMissing:
      return {Level::kProblem, "IPVS", "the kernel does not have it",
              "Use a kernel with CONFIG_IP_VS"};
    case ModuleState::kUnknown:
      break;
  }
  return {Level::kWarning, "IPVS", notChecked("it is not loaded and the modules cannot be listed"),
          "Run `modprobe ip_vs` on the node, or mount /lib/modules into this container"};
}

Finding director(const CheckFacts& facts) {
  const std::string what = "network namespaces";
  if (!facts.namespaces) {
    return {Level::kProblem, what, "the kernel does not have them",
            "Use a kernel with CONFIG_NET_NS, or --placement=host"};
  }
  if (!facts.mostNamespaces) {
    return {Level::kWarning, what, notChecked(facts.mostNamespaces.error().message), ""};
  }
  if (*facts.mostNamespaces == "0") {
    return {Level::kProblem, what, "sysctl user.max_net_namespaces is 0",
            "Remove that setting from /etc/sysctl.d and run `sysctl -w "
            "user.max_net_namespaces=1024`"};
  }
  return {Level::kOk, what, "the balancer namespace can have its own", ""};
}

Finding kubeProxy(const CheckFacts& facts) {
  const std::string mode(host::toString(facts.kubeProxy));
  const std::string found =
      facts.kubeProxy == host::KubeProxyMode::kNone      ? "none was found on this node"
      : facts.kubeProxy == host::KubeProxyMode::kUnknown ? "its mode is not known"
                                                         : "runs in " + mode + " mode";
  if (facts.placement == net::Placement::kHost) {
    if (!host::hostPlacementAllowed(facts.kubeProxy)) {
      return {Level::kProblem, "kube-proxy", found + ", beside which --placement=host is not safe",
              "Use --placement=director (the default), or run kube-proxy in iptables mode"};
    }
  }
  return {Level::kOk, "kube-proxy", found, ""};
}

void addSysctls(const CheckFacts& facts, std::vector<Finding>& findings) {
  std::vector<std::string> toSet;
  bool refused = false;
  for (const auto& [sysctl, value] : facts.sysctls) {
    if (!value) continue;
    const bool same = *value == sysctl.value;
    if (sysctl.demand == host::Sysctl::Demand::kRefuse && same) {
      refused = true;
      findings.push_back({Level::kProblem, "sysctl " + sysctl.name, "is " + *value,
                          "barevip does not change it: " + sysctl.why});
    } else if (sysctl.demand != host::Sysctl::Demand::kRefuse && !same) {
      toSet.push_back(sysctl.name + "=" + sysctl.value);
    }
  }
  if (refused && toSet.empty()) return;
  findings.push_back({Level::kOk, "sysctls",
                      toSet.empty() ? "as they must be" : "init sets " + joined(toSet), ""});
}

constexpr const char* kBindInterface = "bind interface";

Finding bindInterface(const InterfaceFact& device) {
  const std::string what = kBindInterface;
  if (!device.up) {
    return {Level::kProblem, what, device.name + " is down",
            "Run `ip link set " + device.name + " up`, or choose another by --bind-iface"};
  }
  if (device.addresses == 0) {
    return {Level::kProblem, what, device.name + " has no address",
            "Give it an address of the network that the Pools are in, or choose another by "
            "--bind-iface"};
  }
  if (device.mtu < kLeastMtu) {
    return {Level::kProblem, what,
            device.name + " has the MTU " + std::to_string(device.mtu) + ", less than 1280",
            "Run `ip link set " + device.name + " mtu 1500`"};
  }
  if (device.carrier == false) {
    return {Level::kWarning, what, device.name + " has no carrier",
            "Check the cable and the switch: the node announces nothing until then"};
  }
  return {Level::kOk, what,
          device.name + ", MTU " + std::to_string(device.mtu) + ", " +
              std::to_string(device.addresses) +
              (device.addresses == 1 ? " address" : " addresses"),
          ""};
}

void addBindInterfaces(const CheckFacts& facts, std::vector<Finding>& findings) {
  if (!facts.bindInterfaces) {
    findings.push_back({Level::kProblem, kBindInterface, facts.bindInterfaces.error().message,
                        "Give the interface that faces the clients by --bind-iface"});
    return;
  }
  for (const InterfaceFact& one : *facts.bindInterfaces) findings.push_back(bindInterface(one));
}

Finding ipv6(const CheckFacts& facts) {
  if (facts.ipv6) return {Level::kOk, "IPv6", "enabled", ""};
  return {Level::kWarning, "IPv6", "disabled, so this node serves no VIP of IPv6",
          "For dual-stack Services remove ipv6.disable=1 and net.ipv6.conf.all.disable_ipv6=1"};
}

Finding filter(const CheckFacts& facts) {
  if (facts.filter) {
    return {Level::kOk, "packet filter", "nftables", ""};
  }
  if (!facts.initCapabilities) {
    return {Level::kWarning, "packet filter", notChecked("that needs NET_ADMIN"), ""};
  }
  return {Level::kProblem, "packet filter", facts.filter.error().message,
          "Use a kernel with nf_tables (CONFIG_NF_TABLES_INET), and load the module nf_tables"};
}

Finding capabilities(const std::string& of, const Result<void>& may) {
  const std::string what = "capabilities of " + of;
  if (may) return {Level::kOk, what, "present", ""};
  return {Level::kWarning, what, notChecked("this process runs without them"),
          "The DaemonSet barevip-node grants them; a policy that refuses it shows in the "
          "DaemonSet's events"};
}

Finding api(const CheckFacts& facts) {
  const std::string what = "Kubernetes API";
  if (!facts.api) return {Level::kWarning, what, notChecked("--without-api was given"), ""};
  if (!*facts.api) {
    return {Level::kProblem, what, facts.api->error().message,
            "Give a kubeconfig by --kubeconfig, or leave this check out by --without-api"};
  }
  const ApiVersion& version = **facts.api;
  if (version.major > 1 || (version.major == 1 && version.minor >= kLeastApiMinor)) {
    return {Level::kOk, what, version.text, ""};
  }
  return {Level::kProblem, what, version.text + " is older than 1.32",
          "Upgrade the control plane to Kubernetes 1.32 or newer"};
}

}  // namespace

std::string_view toString(Finding::Level level) {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kWarning:
      return "warning";
    case Level::kProblem:
      return "problem";
  }
  return "problem";
}

std::vector<Finding> evaluate(const CheckFacts& facts) {
  std::vector<Finding> findings{kernel(facts)};
  addModules(facts, findings);
  findings.push_back(ipvs(facts));
  if (facts.placement == net::Placement::kDirector) findings.push_back(director(facts));
  findings.push_back(kubeProxy(facts));
  addSysctls(facts, findings);
  addBindInterfaces(facts, findings);
  findings.push_back(ipv6(facts));
  findings.push_back(filter(facts));
  findings.push_back(capabilities("init", facts.initCapabilities));
  findings.push_back(capabilities("run", facts.runCapabilities));
  findings.push_back(api(facts));
  return findings;
}

bool hasProblem(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.level == Level::kProblem; });
}

std::string toTable(const std::vector<Finding>& findings) {
  std::size_t widest = 0;
  for (const Finding& finding : findings) widest = std::max(widest, finding.what.size());
  std::string text;
  for (const Finding& finding : findings) {
    std::string level(toString(finding.level));
    level.resize(9, ' ');
    std::string what = finding.what;
    what.resize(widest + 2, ' ');
    text += level + what + finding.found;
    if (!finding.remedy.empty()) text += ". " + finding.remedy;
    text += "\n";
  }
  return text;
}

}  // namespace barevip::node
