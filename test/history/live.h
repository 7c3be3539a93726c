// SPDX-License-Identifier: Apache-2.0
// A history played on a real API server, with real processes that are killed at random points.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "history/cluster.h"
#include "history/history.h"
#include "history/operators.h"

namespace barevip::history {

/// API and processes outlive it.
class Live {
 public:
  Live(kube::Api& api, Operators& operators) : api_(api), operators_(operators) {}

  /// Removes what an earlier history left and starts the operator.
  Result<void> begin();
  /// Does what the event says. Unless it is in a hurry, waits until the promises are kept; returns
  /// those that are not after a minute.
  Result<std::vector<std::string>> happen(const Event& event);
  /// The operator runs, and the promises are kept.
  Result<std::vector<std::string>> finish();
  /// Deletes everything, and waits until it is gone.
  Result<void> clear();

 private:
  /// A process that is to be ended while it works on the next event.
  struct Death {
    int signal = 0;
    Pick moment = 0;
  };

  Result<bool> disturb(const Deed& deed);
  Result<void> endLeader(int signal);
  Result<std::vector<std::string>> check();

  kube::Api& api_;
  Operators& operators_;
  bool stopped_ = false;
  std::optional<Death> death_;
  std::optional<Cluster> settled_;
  std::set<kube::ObjectKey> asking_;
};

}  // namespace barevip::history
