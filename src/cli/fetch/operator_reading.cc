// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch/operator_reading.h"

#include "cli/fetch/operator_flags.h"

namespace barevip::cli {

// Without the right to read Deployments the rest is still worth showing.
Result<OperatorReading> readOperator(kube::Api& api, const std::stop_token& stop) {
  const auto flags = operatorFlags(api, stop);
  if (!flags && flags.error().code != ErrorCode::kForbidden) {
    return tl::make_unexpected(flags.error());
  }
  OperatorReading reading;
  if (!flags || !*flags) {
    reading.notes.emplace_back(
        "The flags of the operator are not known, since its Deployment cannot be read: the "
        "defaults are assumed.");
    return reading;
  }
  reading.rules = {(*flags)->classes, (*flags)->adopt};
  reading.services = {(*flags)->compat, (*flags)->forward};
  if ((*flags)->leaderElect) reading.leader = (*flags)->lease;
  return reading;
}

}  // namespace barevip::cli
