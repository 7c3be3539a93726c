// SPDX-License-Identifier: Apache-2.0
// Which node daemons are up, from a watch of their Leases. No clocks of machines are compared.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/model/node.h"

#include "view/cluster.h"

namespace barevip::view {

/// A daemon is silent when its Lease was not seen to change for node::kLeaseDuration: one that was
/// silent before the first look is known to be so that long after it. Not thread-safe.
class DaemonWatch {
 public:
  using Leases = std::vector<std::shared_ptr<const model::Lease>>;

  /// The daemons, ascending by node. Call it about once a second.
  [[nodiscard]] std::vector<Daemon> look(const Leases& leases, MonotonicTime now);

 private:
  struct Renewal {
    std::string time;  ///< spec.renewTime
    MonotonicTime seen;
  };

  std::map<std::string, Renewal> renewals_;  ///< by node
};

}  // namespace barevip::view
