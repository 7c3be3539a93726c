// SPDX-License-Identifier: Apache-2.0
// What rollback asks of a cluster, and what it writes.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/view/rollback.h"

namespace barevip::cli {

/// A Deployment of the operator that has replicas, or a pod of it that runs: "Pod lb/op-1". Empty:
/// there is none.
[[nodiscard]] Result<std::string> runningOperator(kube::Api& api, const std::stop_token& stop);

/// Services of type LoadBalancer and the IP objects that barevip made for them.
[[nodiscard]] Result<std::vector<LiveService>> listLiveServices(kube::Api& api,
                                                                const std::stop_token& stop);

/// Reads the Service again, steps it back and returns what was written; where that is only a part,
/// another call does the rest. kConflict: it changes again and again.
[[nodiscard]] Result<RollbackStep> rollBack(kube::Api& api, const SavedService* saved,
                                            const LiveService& seen, const std::stop_token& stop);

}  // namespace barevip::cli
