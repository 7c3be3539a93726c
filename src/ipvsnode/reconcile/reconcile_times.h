// SPDX-License-Identifier: Apache-2.0
// How long the parts of a pass take, as histograms.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "barevip/base/clock.h"

#include "common/obs/metrics.h"

namespace barevip::node {

/// barevip_node_queue_seconds, barevip_node_reconcile_seconds and, by stage,
/// barevip_node_stage_seconds. One thread; clock and registry outlive it.
class ReconcileTimes {
 public:
  /// In the order of a pass; each begins where the one before it ends.
  enum class Stage : std::uint8_t {
    kRead,     ///< the kernel, or its links, and the host's setup; in each pass, even if nothing is
               ///< read
    kDesired,  ///< snapshot and desired state
    kOwners,   ///< election and takeover
    kPlan,     ///< diff
    kApply,    ///< writes to the kernel
    kReport,   ///< announcements to the neighbours and reports
  };
  static constexpr std::size_t kStages = 6;

  ReconcileTimes(obs::Registry& metrics, const Clock& clock);

  /// waited: for how long the oldest news that this pass looks at was there; 0: there are none.
  void begin(MonotonicTime::duration waited);
  void ended(Stage stage);
  /// The pass went through.
  void finish();

 private:
  const Clock& clock_;
  obs::Histogram& queue_;
  obs::Histogram& pass_;
  std::array<obs::Histogram*, kStages> stages_;
  MonotonicTime began_;
  MonotonicTime stageBegan_;
};

}  // namespace barevip::node
