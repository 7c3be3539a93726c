// SPDX-License-Identifier: Apache-2.0
// The kernel modules of the data path: loading them and looking what is there.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/net/data_path.h"

#include "common/base/command.h"

namespace barevip::host {

struct Module {
  std::string name;
  bool required = false;  ///< without it nothing works, and whether it is there can be seen
  std::string why;
  std::vector<std::string> parameters{};  ///< "name=value", for when it is loaded
};

/// 2^18 buckets of 8 bytes for connections, where the kernel has 2^12 of itself: fixed once ip_vs
/// is loaded.
inline constexpr unsigned kConnectionTableBits = 18;

/// Modules of a placement, in the order to be loaded; pure.
[[nodiscard]] std::vector<Module> modulesOf(net::Placement placement);

struct ModuleReport {
  std::vector<std::string> loaded;   ///< that were not there before
  std::vector<std::string> missing;  ///< not required, and not to be had
};

/// Loads by modprobe what is not there yet. kUnsupported with a clear sentence when a required one
/// cannot be had, above all IPVS.
[[nodiscard]] Result<ModuleReport> loadModules(const std::vector<Module>& modules,
                                               CommandRunner& runner,
                                               const std::stop_token& stop = {});

/// What to do about a connection table that is smaller than wanted, because something else loaded
/// ip_vs; nullopt if it is not, or if this kernel does not say. `bits` is what it says.
[[nodiscard]] std::optional<std::string> adviseConnectionTable(const std::string& bits);
/// /sys/module/ip_vs/parameters/conn_tab_bits; empty if there is none.
[[nodiscard]] std::string connectionTableBits();

/// Whether the kernel has IPVS in the calling thread's network namespace; the error says how to get
/// it. For the daemon, which may not load modules.
[[nodiscard]] Result<void> checkIpvs();

}  // namespace barevip::host
