// SPDX-License-Identifier: Apache-2.0
// All that the status page shows at one moment.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "operator/page/move_history.h"
#include "view/status.h"
#include "view/traffic.h"

namespace barevip::controlplane {

/// Who allocates.
struct Leadership {
  bool elects = false;  ///< more than one process may run, and one leads
  bool leads = false;   ///< this one
  std::string leader;   ///< that was seen last; empty: none
};

struct PageState {
  std::string identity;      ///< of this process
  std::string dashboardUrl;  ///< http or https, of Grafana, where the dashboards are; empty: none
  Leadership leadership;
  std::vector<std::string> notes;  ///< what is not known, and why; a sentence or two each
  bool endpointsKnown = true;      ///< false: traffic names no backends
  view::Status status;
  std::vector<view::VipTraffic> traffic;
  std::vector<Move> moves;  ///< the newest first
  WallTime movesSince;
};

/// More rows than these are counted, and not shown.
inline constexpr std::size_t kMostRows = 1000;
/// Bytes of a message: a condition may have 32 KiB of them.
inline constexpr std::size_t kMostMessage = 1024;

/// As view/status_json.h, with the first kMostRows of each list, and: version; identity;
/// dashboardUrl; role (leader, standby, alone); leader; notes[]; traffic[] {address, owner, ports[]
/// {service, port, local, total, backends[] {endpoint, node}, or null if they are not known}};
/// moves[] {time, address, from, to}; movesSince; omitted {list: rows that were left out}. One
/// line, valid UTF-8.
[[nodiscard]] std::string toJson(const PageState& state);

}  // namespace barevip::controlplane
