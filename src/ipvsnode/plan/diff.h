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
#include "barevip/net/data_path.h"
#include "barevip/net/packet_filter.h"
#include "barevip/net/rtnetlink.h"

#include "ipvsnode/desired/desired.h"

namespace barevip::node {

/// What was read back from the kernel, with every change that was applied since.
struct KernelState {
  std::map<ipvs::VirtualServerKey, ipvs::VirtualServer> virtualServers;
  ipvs::Timeouts timeouts;
  std::set<net::NetObject> nodeObjects;      ///< ours
  std::set<net::NetObject> balancerObjects;  ///< ours; empty with Placement::kHost
  /// What the packet filter was last made to hold; nothing: it has to be looked at.
  std::optional<net::FilterState> filter;
  /// Connection counts are those of now: nothing was applied since the dump.
  bool fresh = false;
};

/// The VIP that an item of barevip is for, by its shape; of rules and of what is for all VIPs their
/// family.
[[nodiscard]] Beneficiary whoseIs(const net::NetObject& item);

/// Anybody's.
[[nodiscard]] bool hasVirtualServers(const KernelState& kernel, const IpAddress& vip);

/// Follows one change that the kernel took.
void applyTo(KernelState& state, const ipvs::Op& op);
void applyTo(std::set<net::NetObject>& items, const net::NetOp& op);

/// Real servers that drain, and when they were first seen at weight 0. Not kept across restarts: a
/// new process gives each the full time again.
using Draining = std::map<std::pair<ipvs::VirtualServerKey, ipvs::RealServerKey>, MonotonicTime>;

/// Leaves those that the kernel still has.
void forgetGone(Draining& draining, const KernelState& kernel);

struct FilterStep {
  net::FilterState state;
};
struct TimeoutsStep {
  ipvs::Timeouts timeouts;
};
struct IpvsStep {
  std::vector<ipvs::Op> ops;
};
struct LinkChange {
  net::NetOp op;
  /// Of an add: who is not to be announced until it is done, or who is announced by it. Of a
  /// delete: whose it was.
  Beneficiary beneficiary;
};
struct NetStep {
  enum class Where : std::uint8_t { kNode, kDirector };
  enum class Purpose : std::uint8_t { kForward, kAnnounce };
  Where where = Where::kNode;
  Purpose purpose = Purpose::kForward;
  std::vector<LinkChange> changes;
};
using Step = std::variant<FilterStep, TimeoutsStep, IpvsStep, NetStep>;

struct Plan {
  std::vector<Step> steps;  ///< in order; none is empty
  Draining draining;        ///< for the next diff
  /// When the next draining real server has to go.
  std::optional<MonotonicTime> nextDeadline;

  /// The VIPs that something is to be done for.
  [[nodiscard]] std::set<IpAddress> vips() const;
};

struct DiffContext {
  Placement placement = Placement::kDirector;
  /// VIPs that this process has put into the kernel before: their virtual servers are ours even if
  /// an external change removed the mark.
  std::set<IpAddress> vipsBefore;
  Draining draining;
  MonotonicTime now;
  std::chrono::seconds drainTimeout{300};
  /// What the filter was last made to hold by this process, ascending; nullptr: nothing yet. Counts
  /// where the kernel's is not known.
  const std::vector<net::SourceRanges>* rangesBefore = nullptr;
  /// Look at these VIPs only: all else is taken to be as it should; nullptr: at everything. The
  /// filter is looked at as a whole.
  const std::set<IpAddress>* only = nullptr;
};

/// Puts these source ranges, ascending, into the state, in the place of those of their virtual
/// servers.
void keepRanges(net::FilterState& state, std::vector<net::SourceRanges> kept);

/// Steps, in this order: announcements that go; filter; balancer and dummy addresses that come;
/// IPVS, its timeouts first; filter again if something of it had to wait for that; routes and rules
/// that come; announcements that come; routes, rules and addresses that go.
///
/// Ownership: link items are ours by their mark. Virtual servers are ours in the balancer namespace
/// (all of them), and with Placement::kHost on addresses of our dummy device and on vipsBefore;
/// others are never touched.
///
/// Draining: a TCP or SCTP real server that is no longer wanted gets weight 0, and is deleted once
/// a fresh state shows it without connections, or after drainTimeout. UDP is deleted at once: a
/// flow that goes on would never be scheduled again. One that is wanted again gets its weight back
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
