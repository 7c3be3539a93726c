// SPDX-License-Identifier: Apache-2.0
// The VIPs of a cluster, and who should announce each: by the node daemon's own rules.
#pragma once

#include <string>
#include <vector>

#include "ipvsnode/announce/vip_election.h"
#include "ipvsnode/desired/desired.h"
#include "view/cluster.h"

namespace barevip::view {

/// What all nodes forward; node: whose endpoints count for externalTrafficPolicy Local.
[[nodiscard]] node::DesiredState desiredOn(const Cluster& cluster, const std::string& node);

struct Vips {
  std::vector<node::ServedVip> served;
  std::vector<node::VipElection> questions;  ///< of each VIP, in the same order
  node::Owners owners;
};

[[nodiscard]] Vips vipsOf(const Cluster& cluster, const node::DesiredState& desired);

/// Both, wherever the endpoints are: what the views have in common, computed once.
struct Forwarding {
  node::DesiredState desired;
  Vips vips;
};
[[nodiscard]] Forwarding forwardingOf(const Cluster& cluster);

/// Empty: no node may announce the VIP.
[[nodiscard]] std::string ownerOf(const Vips& vips, const IpAddress& vip);

}  // namespace barevip::view
