// SPDX-License-Identifier: Apache-2.0
// What this node reports to the API server, as a value.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "ipvsnode/desired/problem.h"

namespace barevip::node {

inline constexpr const char* kNodeBroken = "NodeBroken";  ///< reason of an event and a condition

/// What this node says about one VIP to the API server, in one of the VIP's IP objects.
struct VipReport {
  IpAddress vip;
  bool announced = false;                    ///< by this node, as its owner or while it has none
  std::string holder;                        ///< its status.node when this was decided
  std::optional<std::string> conflictMac{};  ///< a conflicting host answers for it
  /// Causes, as of net::Breakage, by which packets to it are lost; by commas.
  std::optional<std::string> brokenBy{};

  friend bool operator==(const VipReport&, const VipReport&) = default;
};

struct NodeReport {
  std::map<kube::ObjectKey, VipReport> ipObjects;  ///< by IP object, all of this node's VIPs
  std::vector<Problem> problems;                   ///< those that this node reports for all nodes

  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

/// What an event and a condition say of a node that loses the packets of a VIP; cause: see
/// VipReport.
[[nodiscard]] std::string brokenMessage(const std::string& vip, const std::string& node,
                                        const std::string& cause);

}  // namespace barevip::node
