// SPDX-License-Identifier: Apache-2.0
// From what the kernel holds to what it should hold, as ordered steps. Pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/ipvs/kernel.h"
#include "barevip/net/links.h"
#include "barevip/net/packet_filter.h"

#include "ipvsnode/desired.h"
#include "ipvsnode/host/layout.h"

namespace barevip::node {

/// What was read back from the kernel, with every change that was applied since.
struct KernelState {
  std::map<ipvs::VirtualServerKey, ipvs::VirtualServer> virtualServers;
  std::set<net::Item> nodeItems;      ///< ours
  std::set<net::Item> directorItems;  ///< ours; empty with Placement::kHost
  /// What the packet filter was last made to hold; nothing: it has to be looked at.
  std::optional<net::FilterState> filter;
  /// Connection counts are those of now: nothing was applied since the dump.
  bool fresh = false;
};

/// Follows one change that the kernel took.
void applyTo(KernelState& state, const ipvs::Op& op);
void applyTo(std::set<net::Item>& items, const net::LinkOp& op);

/// Real servers that drain, and when they were first seen at weight 0. Not kept across restarts: a
/// new process gives each the full time again.
using Draining = std::map<std::pair<ipvs::VirtualServerKey, ipvs::RealServerKey>, MonotonicTime>;

struct FilterStep {
  net::FilterState state;
};
struct IpvsStep {
  std::vector<ipvs::Op> ops;
};
struct LinksStep {
  enum class Where : std::uint8_t { kNode, kDirector };
  Where where = Where::kNode;
  std::vector<net::LinkOp> ops;
};
using Step = std::variant<FilterStep, IpvsStep, LinksStep>;

struct Plan {
  std::vector<Step> steps;  ///< in order; none is empty
  Draining draining;        ///< for the next diff
  /// When the next draining real server has to go.
  std::optional<MonotonicTime> nextDeadline;
};

struct DiffContext {
  Placement placement = Placement::kDirector;
  /// VIPs that this process has put into the kernel before: their virtual servers are ours even if
  /// somebody took the mark away.
  std::set<IpAddress> vipsBefore;
  Draining draining;
  MonotonicTime now;
  std::chrono::seconds drainTimeout{300};
};

/// Steps, in this order: announcements that go; filter; director and dummy addresses that come;
/// IPVS; filter again if keeping the client's address had to wait; routes and rules that come;
/// announcements that come; routes, rules and addresses that go.
///
/// Ownership: link items are ours by their mark. Virtual servers are ours in the director (all of
/// them), and with Placement::kHost on addresses of our dummy device and on vipsBefore; others are
/// never touched.
///
/// Draining: a TCP or SCTP real server that is no longer wanted gets weight 0, and is deleted once
/// a fresh state shows it without connections, or after drainTimeout. UDP is deleted at once: a
/// flow that goes on would never be scheduled anew. One that is wanted again gets its weight back
/// by a set.
[[nodiscard]] Plan diff(const DesiredState& desired, const KernelState& kernel,
                        const DiffContext& context);

/// What holds an address on this node although it is not ours: foreign addresses of any device and,
/// with Placement::kHost, virtual servers that are not ours. addresses: all of the node's
/// namespace.
[[nodiscard]] std::map<IpAddress, std::string> foreignHolders(
    const KernelState& kernel, const std::vector<net::BoundAddress>& addresses,
    const DiffContext& context);

}  // namespace barevip::node
