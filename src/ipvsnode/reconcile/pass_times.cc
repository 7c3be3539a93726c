// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/pass_times.h"

namespace barevip::node {
namespace {

constexpr std::array<const char*, PassTimes::kStages> kNames{"read", "desired", "owners",
                                                             "plan", "apply",   "report"};

std::array<obs::Histogram*, PassTimes::kStages> stagesOf(obs::Registry& metrics) {
  std::array<obs::Histogram*, PassTimes::kStages> stages{};
  for (std::size_t i = 0; i < PassTimes::kStages; ++i) {
    stages.at(i) = &metrics.histogram("barevip_node_stage_seconds",
                                      "How long a part of a pass of the reconciler took.",
                                      {{"stage", kNames.at(i)}});
  }
  return stages;
}

}  // namespace

PassTimes::PassTimes(obs::Registry& metrics, const Clock& clock)
    : clock_(clock),
      queue_(metrics.histogram("barevip_node_queue_seconds",
                               "How long news waited for a pass of the reconciler.")),
      pass_(metrics.histogram("barevip_node_reconcile_seconds",
                              "How long a pass of the reconciler took that went through.")),
      stages_(stagesOf(metrics)) {}

void PassTimes::begin(MonotonicTime::duration waited) {
  began_ = stageBegan_ = clock_.now();
  if (waited > MonotonicTime::duration::zero()) queue_.observe(waited);
}

void PassTimes::ended(Stage stage) {
  const MonotonicTime now = clock_.now();
  stages_.at(static_cast<std::size_t>(stage))->observe(now - stageBegan_);
  stageBegan_ = now;
}

void PassTimes::finish() { pass_.observe(clock_.now() - began_); }

}  // namespace barevip::node
