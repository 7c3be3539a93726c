// SPDX-License-Identifier: Apache-2.0
// Writes the status of Services, and repairs it without a fight.
#pragma once

#include <chrono>
#include <stop_token>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"
#include "barevip/model/service.h"

#include "assigner/service/overwrite_backoff.h"
#include "assigner/service/service_plan.h"

namespace barevip::assigner {

/// The conditions and entries of others stay. References must outlive this. Thread-safe, as long as
/// one Service is with one worker at a time.
class StatusWriter {
 public:
  StatusWriter(kube::Api& api, const Clock& clock, kube::EventSink& events)
      : api_(api), clock_(clock), events_(events), pace_(clock) {}

  /// Writes what differs, and reports a new reason by an event. Returns how long to wait before
  /// it is written, zero if it stands now.
  [[nodiscard]] Result<std::chrono::milliseconds> show(const model::Service& service,
                                                       const ShownStatus& status,
                                                       const std::stop_token& stop);

  /// Takes these addresses and our condition out.
  [[nodiscard]] Result<void> withdraw(const model::Service& service,
                                      const std::vector<IpAddress>& addresses,
                                      const std::stop_token& stop);

  /// The Service may be seen as it was before our last write.
  [[nodiscard]] bool isSeenLate(const model::Service& service) {
    return pace_.isSeenLate(service.key, service.resourceVersion);
  }

  /// The Service is gone, or not ours any more.
  void forget(const kube::ObjectKey& service) { pace_.forget(service); }

 private:
  [[nodiscard]] bool stands(const model::Service& service, const ShownStatus& status);

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  OverwriteBackoff pace_;
};

}  // namespace barevip::assigner
