// SPDX-License-Identifier: Apache-2.0
// Which node announces which VIP. Pure: all nodes compute the same from the same inputs.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "barevip/base/ip.h"

#include "ipvsnode/announce/bounded_load_election.h"
#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/desired/desired.h"
#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

/// Who may announce each VIP: live nodes whose Node object is there, is not networkUnavailable,
/// lacks the label node.kubernetes.io/exclude-from-external-load-balancers, serves the family, fits
/// the announce section of the VIP's pool, and has its bind interface for the VIP in the VIP's
/// network, if some of them are in it, with carrier; of these, if there are such, only those that
/// can announce it; for policy Local only those with endpoints of every Service, if there are such,
/// else those with endpoints of any, and none but those where kube-proxy forwards. Without an IP
/// object there are no candidates yet.
///
/// While one of the nodes does not report its eligibility nobody's counts: it would not take over.
///
/// The pool is that of the first IP object whose pool is there. The holder is the first status.node
/// that is a candidate, else the first at all: IP objects of one VIP differ only while an owner has
/// not written all of them.
[[nodiscard]] std::vector<VipElection> electionsFor(std::span<const ServedVip* const> vips,
                                                    const ClusterState& cluster,
                                                    const std::vector<LiveNode>& live);
[[nodiscard]] std::vector<VipElection> electionsFor(const std::vector<ServedVip>& vips,
                                                    const ClusterState& cluster,
                                                    const std::vector<LiveNode>& live);

/// VIPs that some node is to announce, of which none is recorded as the owner and that are not
/// among `begun`: whether the address is another machine's is not known yet.
[[nodiscard]] std::set<IpAddress> unowned(std::span<const VipElection> questions,
                                          const std::set<IpAddress>& begun);

/// By share once all say in their Leases that they do so.
[[nodiscard]] Election electionOf(const std::vector<LiveNode>& live);

[[nodiscard]] Owners elect(std::span<const VipElection> questions, Election election);

}  // namespace barevip::node
