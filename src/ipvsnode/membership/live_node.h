// SPDX-License-Identifier: Apache-2.0
// A node as its own Lease describes it.
#pragma once

#include <set>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/net/bind_interfaces.h"

namespace barevip::node {

/// What a node can announce.
struct Eligibility {
  bool serving = true;            ///< false: other nodes should announce all VIPs
  std::set<IpAddress> blocked{};  ///< VIPs that other nodes should announce
  /// VIPs that something else holds on this node, and may answer for: other nodes should announce
  /// them if nobody does.
  std::set<IpAddress> held{};

  friend bool operator==(const Eligibility&, const Eligibility&) = default;
};

/// A node whose Lease is fresh and that is not about to leave.
struct LiveNode {
  std::string name;
  std::string bindInterface;  ///< as it says in its Lease; empty if it does not
  bool ipv6 = true;           ///< serves VIPs of that family
  Eligibility eligibility{};
  bool publishesEligibility =
      true;  ///< false: its version neither reports nor reads what nodes can announce
  bool electsByShare = true;
  /// All of them, without gateways; empty: its version publishes one name alone.
  net::BindInterfaces interfaces{};

  friend bool operator==(const LiveNode&, const LiveNode&) = default;
};

}  // namespace barevip::node
