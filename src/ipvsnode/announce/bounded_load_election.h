// SPDX-License-Identifier: Apache-2.0
// Shares VIPs out among the nodes that may announce them. Pure: all nodes compute the same from the
// same inputs.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "ipvsnode/announce/node_names.h"

namespace barevip::node {

struct VipElection {
  IpAddress vip;
  NodeNames candidates;
  std::string holder;  ///< who has it now; empty: nobody
  /// The IP objects behind it and the status.node of each; empty: none yet.
  std::map<kube::ObjectKey, std::string> ipObjects;
  /// False: the VIP's pool leaves it to others to lead traffic to the nodes.
  bool announced = true;

  friend bool operator==(const VipElection&, const VipElection&) = default;
};

/// By which rules: all nodes must go by the same, or a VIP that one leaves to another may be left
/// by both.
enum class Election : std::uint8_t { kByMean, kByShare };

using Owners = std::map<IpAddress, std::string>;

/// The share of a node is what it would have if each VIP were split evenly among its candidates:
/// the sum of 1/candidates over the VIPs that it may announce. VIPs without candidates are left
/// out.
///
/// 1. A holder that is a candidate keeps its VIP.
/// 2. Every other VIP, those with the fewest candidates first, goes to its highest-ranking
///    candidate (rendezvous hash) that has less than 1.25 of its share, or to the one that has
///    least for its share if none has.
/// 3. A node with more than max(4, twice its share) gives away what ranks lowest on it, as far as a
///    candidate has less than 1.25 of its own share, until it is within that bound.
///
/// So a node that returns takes nothing back, and the loss of a node moves only what that had, but
/// a series of reboots cannot leave everything on one node. A VIP that comes or goes moves no other
/// unless a node is above its bound then, and no more than what is above. Asked again with its own
/// answer as the holders it answers the same: nothing moves twice for one change.
[[nodiscard]] Owners allotByShare(std::span<const VipElection> questions);

/// What daemons compute whose Leases do not show Election::kByShare: the bounds are those of the
/// mean load of all nodes, though some may announce more than others. Goes when no such daemon can
/// run beside this one.
[[nodiscard]] Owners allotByMean(std::span<const VipElection> questions);

/// The weight of a node for a VIP: a hash, the same on every machine.
[[nodiscard]] std::uint64_t rank(const std::string& node, const IpAddress& vip);

}  // namespace barevip::node
