// SPDX-License-Identifier: Apache-2.0
// All that the node daemon writes to the API server, apart from Events.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/node.h"

namespace barevip::node {

/// Merges the Lease into the one of its name, or creates it.
Result<void> writeLease(kube::Api& api, const model::Lease& lease, const std::stop_token& stop);

/// What this node has to say in the status of an IP object.
struct ClaimStatus {
  bool announced = false;                  ///< by this node: it becomes status.node
  std::string holder;                      ///< in place of this one, and of no other
  std::optional<std::string> conflictMac;  ///< a stranger answers for the address

  friend bool operator==(const ClaimStatus&, const ClaimStatus&) = default;
};

/// The condition of an IP object that tells whether its address could be announced. It appears
/// with the first conflict.
inline constexpr const char* kAnnouncedCondition = "Announced";

/// Writes only what differs from the status as it is. status.node is left alone if it is neither
/// empty nor the holder that was decided upon: then somebody else decided later, and two nodes that
/// correct each other would never end. Without `wanted`: takes this node's name out
/// of a claim that is bound to nobody. A claim that is gone is a success.
Result<void> writeClaimStatus(kube::Api& api, const kube::ObjectKey& key, const std::string& node,
                              const std::optional<ClaimStatus>& wanted, WallTime now,
                              const std::stop_token& stop);

}  // namespace barevip::node
