// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/kernel_modules.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "common/base/text_file.h"

namespace barevip::host {

namespace {

bool isThere(const std::string& module) {
  // /proc/net is that of the main thread, which may live in another namespace.
  if (module == "ip_vs") return ::access("/proc/thread-self/net/ip_vs", F_OK) == 0;
  return ::access(("/sys/module/" + module).c_str(), F_OK) == 0;
}

std::string kernelRelease() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

Error noSuchModule(const Module& module, const std::string& said) {
  return {ErrorCode::kUnsupported,
          "the kernel " + kernelRelease() + " has no " + module.name + " (" + module.why +
              "), and it cannot be loaded" + (said.empty() ? "" : ": " + said) +
              "; install the distribution's package of additional kernel modules, or a kernel " +
              "built with CONFIG_IP_VS, and mount /lib/modules into the init container",
          0,
          {}};
}

}  // namespace

std::vector<Module> modulesOf(net::Placement placement) {
  std::vector<Module> modules{
      {"ip_vs", true, "virtual servers", {"conn_tab_bits=" + std::to_string(kConnectionTableBits)}},
      {"ip_vs_rr", false, "the default scheduler"},
      {"nf_conntrack", false, "masquerading of what IPVS forwards"},
      {"nf_tables", false, "the packet filter"},
      {"nft_ct", false, "packet filter rules"},
      {"nft_chain_nat", false, "packet filter rules"},
      {"nft_masq", false, "masquerading"},
  };
  if (placement == net::Placement::kDirector) {
    modules.push_back({"nft_nat", false, "packet filter rules"});
    modules.push_back({"veth", false, "the devices between node and balancer namespace"});
  } else {
    modules.push_back({"dummy", false, "the device that holds the VIPs"});
    modules.push_back({"nft_reject_inet", false, "packet filter rules"});
  }
  for (const char* scheduler :
       {"wrr", "lc", "wlc", "sh", "mh", "dh", "sed", "nq", "fo", "ovf", "lblc", "lblcr"}) {
    modules.push_back({std::string("ip_vs_") + scheduler, false, "a scheduler"});
  }
  return modules;
}

Result<ModuleReport> loadModules(const std::vector<Module>& modules, CommandRunner& runner,
                                 const std::stop_token& stop) {
  ModuleReport report;
  for (const Module& module : modules) {
    if (isThere(module.name)) continue;
    std::vector<std::string> arguments{module.name};
    arguments.insert(arguments.end(), module.parameters.begin(), module.parameters.end());
    const auto loaded = runSuccessfully(runner, {"modprobe", std::move(arguments)}, stop);
    if (!loaded && loaded.error().code == ErrorCode::kStopped) {
      return tl::make_unexpected(loaded.error());
    }
    if (isThere(module.name)) {
      report.loaded.push_back(module.name);
    } else if (module.required) {
      return tl::make_unexpected(
          noSuchModule(module, loaded ? std::string() : loaded.error().message));
    } else if (!loaded) {
      // A status of 0 without a trace is a module that is built in.
      report.missing.push_back(module.name);
    }
  }
  return report;
}

std::string connectionTableBits() {
  return readTextFile("/sys/module/ip_vs/parameters/conn_tab_bits").value_or("");
}

std::optional<std::string> adviseConnectionTable(const std::string& bits) {
  unsigned found = 0;
  const auto read = std::from_chars(bits.data(), bits.data() + bits.size(), found);
  if (read.ec != std::errc() || found >= kConnectionTableBits) return std::nullopt;
  const std::string wanted = std::to_string(kConnectionTableBits);
  return "ip_vs was loaded by something else with conn_tab_bits=" + std::to_string(found) +
         ": with many connections each packet takes longer to find its own; write \"options ip_vs "
         "conn_tab_bits=" +
         wanted + "\" into /etc/modprobe.d/ip_vs.conf and reboot, if this node carries many";
}

Result<void> checkIpvs() {
  const Module ipvs{"ip_vs", true, "virtual servers"};
  if (isThere(ipvs.name)) return {};
  return tl::make_unexpected(noSuchModule(ipvs, "this process may not load modules"));
}

}  // namespace barevip::host
