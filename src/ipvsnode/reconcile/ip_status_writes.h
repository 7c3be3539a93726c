// SPDX-License-Identifier: Apache-2.0
// What a node writes into the status of an IP object.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::node {

/// What this node has to say in the status of an IP object.
struct IpObjectStatus {
  bool announced = false;                    ///< by this node: it becomes status.node
  std::string holder;                        ///< in place of this one, and of no other
  std::optional<std::string> conflictMac{};  ///< a conflicting host answers for the address
  std::optional<std::string> brokenBy{};     ///< see VipReport

  friend bool operator==(const IpObjectStatus&, const IpObjectStatus&) = default;
};

/// The condition of an IP object that reports whether its address is announced by a node that can
/// serve it. It appears when that is first not so.
inline constexpr const char* kAnnouncedCondition = "Announced";

/// Writes only what differs from the status as it is. status.node is left alone if it is neither
/// empty nor the holder that was decided upon: then another node decided later, and two nodes that
/// correct each other would never end. Without `wanted`: takes this node's name out
/// of an IP object that is bound to nobody. An IP object that is gone is a success.
Result<void> writeIpObjectStatus(kube::Api& api, const kube::ObjectKey& key,
                                 const std::string& node,
                                 const std::optional<IpObjectStatus>& wanted, WallTime now,
                                 const std::stop_token& stop);

}  // namespace barevip::node
