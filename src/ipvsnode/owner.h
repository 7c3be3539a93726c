// SPDX-License-Identifier: Apache-2.0
// Which node announces which VIP. Pure: all nodes compute the same from the same inputs.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "barevip/base/ip.h"

#include "ipvsnode/ability.h"
#include "ipvsnode/cluster_state.h"
#include "ipvsnode/desired.h"
#include "ipvsnode/node_names.h"

namespace barevip::node {

/// A node whose Lease is fresh and that is not about to leave.
struct LiveNode {
  std::string name;
  std::string bindInterface;  ///< as it says in its Lease; empty if it does not
  bool ipv6 = true;           ///< serves VIPs of that family
  Ability ability{};
  bool tellsAbility = true;  ///< false: its version neither tells nor asks what nodes can announce

  friend bool operator==(const LiveNode&, const LiveNode&) = default;
};

struct OwnerQuestion {
  IpAddress vip;
  NodeNames candidates;
  std::string holder;  ///< who has it now; empty: nobody
  /// The IP objects behind it and the status.node of each; empty: none yet.
  std::map<kube::ObjectKey, std::string> claims;
  /// False: the VIP's pool leaves it to others to lead traffic to the nodes.
  bool announced = true;

  friend bool operator==(const OwnerQuestion&, const OwnerQuestion&) = default;
};

/// Who may announce each VIP: live nodes whose Node object is there, is not networkUnavailable,
/// lacks the label node.kubernetes.io/exclude-from-external-load-balancers, serves the family, and
/// fits the announce section of the VIP's pool; of these, if there are such, only those that can
/// announce it; for policy Local only those with endpoints of every Service, if there are such,
/// else those with endpoints of any. Without a claim there are no candidates yet.
///
/// While one of the nodes does not tell its ability nobody's counts: it would not take over.
///
/// The pool is that of the first claim whose pool is there. The holder is the first status.node
/// that is a candidate, else the first at all: claims of one VIP differ only while an owner has not
/// written all of them.
[[nodiscard]] std::vector<OwnerQuestion> askOwners(const std::vector<ServedVip>& vips,
                                                   const ClusterState& cluster,
                                                   const std::vector<LiveNode>& live);

/// VIPs without candidates are left out.
///
/// 1. A holder that is a candidate keeps its VIPs, up to max(4, twice the mean load): a node that
///    returns takes nothing back, and the loss of a few nodes moves only what those had. Beyond
///    that bound the VIPs that rank lowest on it move, so that a series of reboots cannot leave
///    everything on one node.
/// 2. Every other VIP, ascending, goes to its highest-ranking candidate (rendezvous hash) whose
///    load is below 1.25 of the mean, or to the least loaded if all are above. Since that is below
///    the bound of rule 1, no VIP moves twice for one change.
[[nodiscard]] std::map<IpAddress, std::string> chooseOwners(
    std::span<const OwnerQuestion> questions);

/// The weight of a node for a VIP: a hash, the same on every machine.
[[nodiscard]] std::uint64_t rank(const std::string& node, const IpAddress& vip);

}  // namespace barevip::node
