// SPDX-License-Identifier: Apache-2.0
// Who announces which VIP, followed from pass to pass. Pure but for its memory.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

#include "ipvsnode/announce/takeover.h"
#include "ipvsnode/announce/vip_election.h"
#include "ipvsnode/desired/desired_vips.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::node {

struct OwnershipSources {
  const DesiredVips& vips;
  const std::set<IpAddress>& changed;  ///< of `vips`, since the last call
  const LiveView& nodes;
  const std::set<IpAddress>& announced;  ///< by the kernel of this node
  bool announcedChanged = false;         ///< since the last call
  bool addressesAreOnTheWire = true;     ///< see TakeoverInput
};

/// Asks who may announce a VIP where something changed, elects where an answer changed, and decides
/// what to begin and to end (takeover.h) where any of that or of the time gives reason to. One
/// thread.
class Ownership {
 public:
  explicit Ownership(std::string self) : self_(std::move(self)) {}

  /// The Node objects; before follow().
  void see(const std::vector<std::shared_ptr<const model::Node>>& nodes);

  struct Outcome {
    bool decided = false;  ///< something may be another than before
    /// VIPs of which this node is to begin or to end the announcement.
    std::set<IpAddress> changed{};
  };
  Outcome follow(const OwnershipSources& sources, MonotonicTime now);

  /// The outcome of a probe, see Takeover.
  void answered(const IpAddress& address, std::optional<std::string> mac, MonotonicTime now);

  [[nodiscard]] const std::vector<VipElection>& questions() const { return questions_; }
  [[nodiscard]] const Owners& owners() const { return owners_; }
  /// An address of each node by which the others reach it.
  [[nodiscard]] const std::map<std::string, IpAddress>& nodeAddresses() const {
    return nodeAddresses_;
  }
  [[nodiscard]] bool isMine(const IpAddress& vip) const;
  /// `ask` is that of the last call alone.
  [[nodiscard]] const TakeoverDecision& decision() const { return decision_; }

 private:
  /// Returns whether a question is another than before.
  bool ask(const OwnershipSources& sources);
  bool askAll(const OwnershipSources& sources);
  bool askAgain(const OwnershipSources& sources);

  const std::string self_;
  std::vector<std::shared_ptr<const model::Node>> nodes_;
  std::vector<std::shared_ptr<const model::Pool>> pools_;
  std::map<std::string, IpAddress> nodeAddresses_;
  LiveView view_;
  bool addressesAreOnTheWire_ = true;
  bool nodesChanged_ = false;  ///< since the last follow()
  bool asked_ = false;
  bool answered_ = false;
  std::vector<VipElection> questions_;  ///< ascending by VIP
  Election election_ = Election::kByShare;
  Owners owners_;
  Takeover takeover_;
  TakeoverDecision decision_;
};

}  // namespace barevip::node
