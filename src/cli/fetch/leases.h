// SPDX-License-Identifier: Apache-2.0
// Which node daemons are up, and whether an operator leads, without trust in clocks.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/node.h"

#include "view/cluster.h"

namespace barevip::cli {

/// Looks at the Leases by which node daemons report and operators lead.
class LeaseWatch {
 public:
  struct Found {
    std::vector<view::Daemon> daemons;  ///< ascending by node
    bool leads = false;                 ///< an operator does
  };

  /// References must outlive this. leader: the operator's Lease; nullopt: it has none.
  LeaseWatch(kube::Api& api, const Clock& clock, std::optional<kube::ObjectKey> leader)
      : api_(api), clock_(clock), leader_(std::move(leader)) {}

  /// To be called first. Everything else may be asked for between this and finish().
  Result<void> begin(const std::stop_token& stop);

  /// Who holds a Lease is up if its last renewal is recent by this machine's clock, or if it
  /// renewed since begin(): who does neither is looked at again, as long as nodes wait for each
  /// other.
  Result<Found> finish(const std::stop_token& stop);

  /// Whether finish() will have to wait.
  [[nodiscard]] bool hasDoubts() const;

 private:
  Result<void> look(const std::stop_token& stop);
  Result<void> lookAtLeader(const std::stop_token& stop);
  /// patience: how old a renewal may be.
  [[nodiscard]] bool isUp(const model::Lease& lease, std::chrono::seconds patience) const;
  [[nodiscard]] bool isDaemonUp(const model::Lease& lease) const;
  [[nodiscard]] bool doesLeaderRenew() const;

  kube::Api& api_;
  const Clock& clock_;
  const std::optional<kube::ObjectKey> leader_;
  MonotonicTime began_;
  std::map<kube::ObjectKey, std::string> renewedFirst_;      ///< spec.renewTime, as begin() saw it
  std::vector<std::shared_ptr<const model::Lease>> leases_;  ///< of node daemons
  std::optional<model::Lease> leaderLease_;
};

}  // namespace barevip::cli
