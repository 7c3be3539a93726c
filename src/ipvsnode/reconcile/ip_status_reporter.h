// SPDX-License-Identifier: Apache-2.0
// Brings what the reconciler reports to the API server: status of IP objects, Events.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"

#include "common/kube/controller.h"
#include "common/kube/work_queue.h"
#include "ipvsnode/cluster/stores.h"
#include "ipvsnode/reconcile/report.h"

namespace barevip::node {

/// For each IP object the last report is made true, however often that fails. What another node
/// writes meanwhile is the reconciler's to judge: it comes back as another report. One worker
/// thread.
class IpStatusReporter {
 public:
  /// Adds a handler to stores.ipObjects: make it before the stores are filled. References must
  /// outlive this.
  IpStatusReporter(kube::Api& api, Stores& stores, kube::EventSink& events, const Clock& clock,
                   std::string node);

  void start();
  void stop();

  /// Thread-safe, does not block.
  void take(const NodeReport& report);

 private:
  Result<kube::ReconcileResult> write(const kube::ObjectKey& key, const std::stop_token& stop);
  void tell(const NodeReport& report);
  void emitFor(const kube::ObjectKey& service, kube::Event::Type type, const std::string& reason,
               const std::string& action, const std::string& note);

  kube::Api& api_;
  Stores& stores_;
  kube::EventSink& events_;
  const Clock& clock_;
  const std::string node_;
  kube::WorkQueue<kube::ObjectKey> queue_;
  kube::Controller<kube::ObjectKey> controller_;

  std::mutex mutex_;
  std::map<kube::ObjectKey, VipReport> wanted_;
  std::set<Problem> told_;  ///< of the reconciler's thread
};

}  // namespace barevip::node
