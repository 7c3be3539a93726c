// SPDX-License-Identifier: Apache-2.0
#include "common/kube/work_metrics.h"

namespace barevip::kube {

std::function<void(const Work&)> workMetrics(obs::Registry& metrics,
                                             const std::string& controller) {
  const obs::Labels labels{{"controller", controller}};
  auto& waited =
      metrics.histogram("barevip_queue_seconds", "How long an object waited for a worker.", labels);
  auto& took =
      metrics.histogram("barevip_reconcile_seconds", "How long a worker had an object.", labels);
  auto& errors = metrics.counter("barevip_reconcile_errors_total",
                                 "Objects that have to be tried again.", labels);
  return [&waited, &took, &errors](const Work& work) {
    waited.observe(work.waited);
    took.observe(work.took);
    if (!work.ok) errors.add();
  };
}

}  // namespace barevip::kube
