// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "common/kube/controller.h"
#include "common/obs/metrics.h"

namespace barevip::kube {

/// What a Controller reports of its work, by its name, as metrics: barevip_queue_seconds,
/// barevip_reconcile_seconds, barevip_reconcile_errors_total. The registry outlives it.
[[nodiscard]] std::function<void(const Work&)> workMetrics(obs::Registry& metrics,
                                                           const std::string& controller);

}  // namespace barevip::kube
