// SPDX-License-Identifier: Apache-2.0
// Service -> IP objects -> Service status.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/claim_index.h"
#include "assigner/ledger.h"
#include "assigner/repair_pace.h"
#include "assigner/service_records.h"
#include "assigner/unrecorded.h"
#include "common/kube/controller.h"
#include "common/kube/key_set.h"

namespace barevip::assigner {

/// What a term of leadership sees of the cluster. All outlive the reconcilers.
struct ClusterView {
  const kube::Store<model::Service>& services;
  const kube::Store<model::IpClaim>& claims;
  const kube::Store<model::Namespace>& namespaces;
  const ClaimIndex& claimIndex;
};

/// What others may want to know; called without a lock, must only hand work on.
struct AllocationNotices {
  std::function<void()> freed;                           ///< who waits may be lucky now
  std::function<void()> changed;                         ///< counts of Pools may differ
  std::function<void(const kube::ObjectKey&)> claimUse;  ///< an IP object's users or their ports
};

/// Level-triggered: each reconcile makes everything right for one Service. The IP object is the
/// durable record, so it is removed before its address can be given again, and written before the
/// address is shown. While many Services wait for their first address it follows when all show
/// theirs: until then the status is as durable, and at take-up as good (docs/decisions, 11).
/// Thread-safe, as long as one Service is with one worker at a time.
class ServiceReconciler {
 public:
  struct Options {
    bool requireClass = false;     ///< Services without a loadBalancerClass are not ours
    std::string ipMode = "Proxy";  ///< of status.loadBalancer.ingress[]
    bool adopt = false;            ///< take over what Services show that somebody else gave
  };

  /// busy: more Services wait than are worked on; called without a lock.
  ServiceReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, ClusterView view,
                    Ledger& ledger, AllocationNotices notices, std::function<bool()> busy,
                    Options options);

  Result<kube::ReconcileResult> reconcile(const kube::ObjectKey& key, const std::stop_token& stop);

  /// See ServiceRecords::seen().
  bool claimSeen(const kube::ObjectKey& claim, const std::string& serviceUid) {
    return records_.seen(claim, serviceUid);
  }

  /// Services that wait for an address or for one more.
  [[nodiscard]] std::vector<kube::ObjectKey> waiters() const { return waiters_.all(); }

 private:
  using ServicePtr = kube::Store<model::Service>::Ptr;

  struct Decision {
    Choice choice;
    /// What is kept, but would not be given as things are now.
    std::optional<Explanation> misfit;
    /// What it has from now on, perhaps beside others. An IP object may be there already: one that
    /// was refused at take-up.
    std::vector<IpAddress> gained;
    bool first = false;  ///< it had none before
  };

  Result<kube::ReconcileResult> serve(const model::Service& service, const std::stop_token& stop);
  Result<kube::ReconcileResult> withdraw(const kube::ObjectKey& key, const ServicePtr& service,
                                         const std::stop_token& stop);
  Decision decide(const model::Service& service);
  void tellOthers(const kube::ObjectKey& service, const Decision& decision);
  /// Who has the address changed: their IP objects show ports and the Pool that it counts for.
  void tellAllOn(const IpAddress& address);
  bool adoptShown(const model::Service& service);
  [[nodiscard]] bool mayRecordLater(const model::Service& service, const Decision& decision) const;
  /// Returns the error.
  tl::unexpected<Error> explainMissingRecord(const model::Service& service, const Choice& choice,
                                             const Error& error, const std::stop_token& stop);
  std::vector<IpAddress> heldBy(const kube::ObjectKey& service);
  std::vector<model::LoadBalancerIngress> recordedIngress(const model::Service& service);
  bool hasWhatItAsksFor(const model::Service& service);
  void leaveAlone(const model::Service& service);
  void noteForeign(const kube::ObjectKey& key, const std::vector<IpAddress>& addresses);

  Result<void> dropEarlier(const model::Service& service, const std::stop_token& stop);
  void release(const kube::ObjectKey& service, const std::vector<IpAddress>& addresses);

  /// Returns how long to wait before the status is written, zero if it stands now.
  Result<std::chrono::milliseconds> writeStatus(const model::Service& service,
                                                const Decision& decision,
                                                const std::stop_token& stop);
  Result<void> patchStatus(const model::Service& service,
                           const std::vector<model::LoadBalancerIngress>& ingress,
                           const model::Condition& condition, const std::stop_token& stop);
  Result<void> clearStatus(const model::Service& service, const std::vector<IpAddress>& given,
                           const std::stop_token& stop);
  void tell(const model::Service& service, const model::Condition& condition);
  void tellOverwritten(const model::Service& service);

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  const ClusterView view_;
  Ledger& ledger_;
  const AllocationNotices notices_;
  const std::function<bool()> busy_;
  const Options options_;
  RepairPace pace_;
  ServiceRecords records_;

  kube::KeySet waiters_;
  kube::KeySet leftAlone_;  ///< show what others gave, and this was said
  Unrecorded unrecorded_;

  std::mutex mutex_;
  std::map<kube::ObjectKey, std::size_t> served_;  ///< hash of the uid of each Service
};

}  // namespace barevip::assigner
