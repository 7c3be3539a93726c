// SPDX-License-Identifier: Apache-2.0
// The rules that one node must keep, looked at with each change of its kernel and after each pass.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"

#include "history/node/machine.h"
#include "history/node/reference.h"

namespace barevip::node::history {

/// Rules: `equal` (the kernel is what it should be), `served` (what is announced is served),
/// `touched` (what is as it should be is not written), `kept` (what is wanted is not taken away),
/// `drained` (connections have their time), `guarded` (source ranges hold meanwhile), `foreign`
/// (what others made stays), `left` (what nobody wants goes).
class Watch final : public Observer {
 public:
  /// start: when the history began; broken: where sentences about broken rules go, with the time
  /// since then. All must outlive it.
  Watch(const Clock& clock, MonotonicTime start, Machine& machine, Pick node,
        std::vector<std::string>& broken);

  /// A daemon begins that knows nothing yet.
  void begin();
  /// What it knows of the cluster from now on.
  void knows(std::shared_ptr<const Cluster> cluster);

  void before(const ipvs::Op& op) override;
  void before(const net::NetOp& op, bool balancer) override;
  void before(const net::FilterState& next) override;

  void afterPass();
  /// Nothing is left to be done: what it knows is in the kernel, and nothing else of ours.
  void calm();

  /// It saw all that is, and nothing failed for as long as it waits at most before it tries again.
  [[nodiscard]] bool isWell() const;

 private:
  using RealId = std::pair<ipvs::VirtualServerKey, ipvs::RealServerKey>;

  void complain(const std::string& rule, const std::string& sentence);
  const WantedNode& wanted();
  const WantedVip* wantedVip(const IpAddress& vip);
  const WantedServer* wantedServer(const ipvs::VirtualServerKey& key);
  void judgeServer(const ipvs::Op& op, const ipvs::VirtualServer* there);
  void judgeReal(const ipvs::Op& op, const ipvs::VirtualServer* there);
  void judgeGuard(const ipvs::Op& op);
  bool isConnected(const RealId& id, const ipvs::RealServer& real) const;
  /// What the VIP lacks to be served; empty: nothing. exact: all of its real servers.
  std::string lacks(const IpAddress& vip, const WantedVip& wanted, bool exact);
  std::string serverLacks(const ipvs::VirtualServerKey& key, const WantedServer& wanted,
                          bool exact) const;
  std::string filterLacks(const IpAddress& vip, const WantedVip& wanted, bool exact) const;
  void compare();
  void compareServers();
  void compareObjects();
  void compareFilter(const std::set<IpAddress>& there);
  std::set<IpAddress> present();

  const Clock& clock_;
  const MonotonicTime start_;
  Machine& machine_;
  const Pick node_;
  std::vector<std::string>& broken_;
  std::shared_ptr<const Cluster> known_;
  MonotonicTime begun_;
  std::map<RealId, MonotonicTime> drainsSince_;
  std::optional<WantedNode> wanted_;
  std::set<IpAddress> heldThen_;  ///< when wanted_ was made
};

}  // namespace barevip::node::history
