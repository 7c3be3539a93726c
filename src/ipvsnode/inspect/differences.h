// SPDX-License-Identifier: Apache-2.0
// Where the kernel of a node is not as it should be, and why. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ipvsnode/inspect/dump.h"

namespace barevip::node {

/// One thing that the kernel lacks, has without need, or has in another form.
struct Difference {
  std::optional<IpAddress> vip;  ///< nothing: it concerns all VIPs
  std::string subject;           ///< "TCP 192.0.2.1:80 -> 10.1.0.1:8080", or an item as text
  std::string reason;            ///< one or two sentences, as far as a dump can know

  friend bool operator==(const Difference&, const Difference&) = default;
};

/// Ascending by VIP, those of all VIPs first. The packet filter is not looked
/// at, and neither is what the daemon remembers of the kernel.
[[nodiscard]] std::vector<Difference> differencesOf(const Dump& dump);

}  // namespace barevip::node
