// SPDX-License-Identifier: Apache-2.0
// What this node wants to know of the network.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"

namespace barevip::node {

/// Addresses to be probed.
struct Questions {
  std::vector<IpAddress> ask;  ///< new ones, or again
  /// Those and earlier ones whose answer is still awaited. Whatever else was asked for may be
  /// forgotten.
  std::set<IpAddress> open;
  std::set<IpAddress> urgent;  ///< of `open`: machines of silent holders, which a failover awaits
  /// Of `ask`: those that are to be asked for on another interface than the first.
  std::map<IpAddress, std::string> devices{};
};

}  // namespace barevip::node
