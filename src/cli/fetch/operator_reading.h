// SPDX-License-Identifier: Apache-2.0
// How the operator of a cluster reads objects, and what it makes of them.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "operator/session/service_decoder.h"
#include "view/cluster.h"

namespace barevip::cli {

struct OperatorReading {
  assigner::ServiceRules rules;
  controlplane::ServiceReading services;
  std::optional<kube::ObjectKey> leader;  ///< its Lease; nullopt: it has none, or it is not known
  std::vector<std::string> notes;         ///< what had to be assumed, a sentence each
};

/// By the flags of its Deployment. Without the right to read that, the defaults.
[[nodiscard]] Result<OperatorReading> readOperator(kube::Api& api, const std::stop_token& stop);

}  // namespace barevip::cli
