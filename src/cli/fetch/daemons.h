// SPDX-License-Identifier: Apache-2.0
// Which node daemons are up, without trust in clocks.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/node.h"

#include "cli/view/cluster.h"

namespace barevip::cli {

/// Looks at the Leases by which node daemons report, first when it is made.
class DaemonWatch {
 public:
  /// References must outlive this.
  DaemonWatch(kube::Api& api, const Clock& clock) : api_(api), clock_(clock) {}

  /// To be called first. Everything else may be asked for between this and finish().
  Result<void> begin(const std::stop_token& stop);

  /// A daemon is up if its last renewal is recent by this machine's clock, or if it renewed since
  /// begin(): one that does neither is looked at again until a node would call it stale.
  Result<std::vector<Daemon>> finish(const std::stop_token& stop);

  /// Whether finish() will have to wait.
  [[nodiscard]] bool hasDoubts() const;

 private:
  Result<void> look(const std::stop_token& stop);
  [[nodiscard]] bool isUp(const model::Lease& lease) const;

  kube::Api& api_;
  const Clock& clock_;
  MonotonicTime began_;
  std::map<std::string, std::string> renewedFirst_;  ///< spec.renewTime by node, as begin() saw it
  std::vector<std::shared_ptr<const model::Lease>> leases_;
};

}  // namespace barevip::cli
