// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/reconcile_times.h"

namespace barevip::node {
namespace {

constexpr std::array<const char*, ReconcileTimes::kStages> kNames{"read", "desired", "owners",
                                                                  "plan", "apply",   "report"};

std::array<obs::Histogram*, ReconcileTimes::kStages> stagesOf(obs::Registry& metrics) {
  std::array<obs::Histogram*, ReconcileTimes::kStages> stages{};
  for (std::size_t i = 0; i < ReconcileTimes::kStages; ++i) {
    stages.at(i) = &metrics.histogram("barevip_node_stage_seconds",
                                      "How long a part of a pass of the reconciler took.",
                                      {{"stage", kNames.at(i)}});
  }
  return stages;
}

}  // namespace

ReconcileTimes::ReconcileTimes(obs::Registry& metrics, const Clock& clock)
    : clock_(clock),
      queue_(metrics.histogram("barevip_node_queue_seconds",
                               "How long news waited for a pass of the reconciler.")),
      pass_(metrics.histogram("barevip_node_reconcile_seconds",
                              "How long a pass of the reconciler took that went through.")),
      stages_(stagesOf(metrics)) {}

void ReconcileTimes::begin(MonotonicTime::duration waited) {
  began_ = stageBegan_ = clock_.now();
  if (waited > MonotonicTime::duration::zero()) queue_.observe(waited);
}

void ReconcileTimes::ended(Stage stage) {
  const MonotonicTime now = clock_.now();
  stages_.at(static_cast<std::size_t>(stage))->observe(now - stageBegan_);
  stageBegan_ = now;
}

void ReconcileTimes::finish() { pass_.observe(clock_.now() - began_); }

}  // namespace barevip::node
