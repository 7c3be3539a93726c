// SPDX-License-Identifier: Apache-2.0
// Service -> IP objects -> Service status.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/allocation/shared_allocator.h"
#include "assigner/allocation/waiting_list.h"
#include "assigner/service/ip_object_index.h"
#include "assigner/service/namespaces.h"
#include "assigner/service/service_memory.h"
#include "assigner/service/service_plan.h"
#include "assigner/service/service_records.h"
#include "assigner/service/status_writer.h"
#include "common/kube/controller.h"
#include "common/kube/failing_writes.h"

namespace barevip::assigner {

/// What a term of leadership sees of the cluster. All outlive the reconcilers.
struct ClusterView {
  const kube::Store<model::Service>& services;
  const kube::Store<model::IpObject>& ipObjects;
  const kube::Store<model::Namespace>& namespaces;
  const IpObjectIndex& ipObjectIndex;
};

/// What the others may want to know when a reconciler of Services or of IP objects allocated or
/// released something; called without a lock, must only hand work on.
struct AllocationNotices {
  /// A consumer of that namespace released an address; others may have it still.
  std::function<void(const std::string& ns)> released;
  /// Services with that share key may fit on an address where they did not.
  std::function<void(const Shareable&)> shareable;
  /// Services that name the reservation may use it now.
  std::function<void(const kube::ObjectKey&)> usable;
  std::function<void()> changed;                            ///< counts of Pools may differ
  std::function<void(const kube::ObjectKey&)> ipObjectUse;  ///< an IP object's users or their ports
  /// The reservation that it used went away, or the Pool became known that gave its address.
  std::function<void(const kube::ObjectKey&)> serviceTouched;
  /// The consumer has or has not what it was woken for; what is written about it comes afterwards.
  std::function<void(const Consumer&)> decided;
};

/// Level-triggered: each reconcile makes everything right for one Service. It looks (ServiceView),
/// decides under the allocator's lock (decide() in service_plan.h), and executes the plan: the IP
/// object is the durable record, so it is removed before its address can be given again, and
/// written before the address is shown. While many Services wait for their first address it
/// follows when all show theirs: until then the status is as durable, and at the restore as good
/// (docs/decisions, 11).
/// Thread-safe, as long as one Service is with one worker at a time.
class ServiceReconciler {
 public:
  using Options = ServiceRules;

  /// busy: more Services wait than are worked on; called without a lock.
  ServiceReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, ClusterView view,
                    SharedAllocator& shared, WaitingList& waiting, AllocationNotices notices,
                    std::function<bool()> busy, Options options);

  Result<kube::ReconcileResult> reconcile(const kube::ObjectKey& key, const std::stop_token& stop);

  /// Whose addresses were restored before the first reconcile.
  void tookUp(const std::vector<std::shared_ptr<const model::Service>>& services);

  /// See ServiceRecords::seen().
  bool ipObjectSeen(const kube::ObjectKey& ipObject, const std::string& serviceUid) {
    return records_.seen(ipObject, serviceUid);
  }

 private:
  /// It gets nothing any more, so it waits for nothing.
  kube::ReconcileResult leaves(const kube::ObjectKey& key);
  ServiceView look(const kube::ObjectKey& key);
  Result<void> dropEarlier(const model::Service& service, const std::stop_token& stop);
  /// For a Service that holds nothing yet no older than the Service, if a Pool looks at its labels.
  Result<Namespaces::Ptr> namespaceOf(const model::Service& service, const std::stop_token& stop);

  /// Enters what the Service shows, decides, and executes what must not wait for the lock again.
  ServicePlan planFor(ServiceView& view);
  void grant(Allocator& allocator, const ServiceView& view, const ServicePlan& plan);

  Result<kube::ReconcileResult> execute(const ServiceView& view, const ServicePlan& plan,
                                        const std::stop_token& stop);
  Result<void> writeRecords(const model::Service& service, const ServicePlan& plan,
                            const std::stop_token& stop);
  Result<std::chrono::milliseconds> writeStatus(const ServiceView& view, const ServicePlan& plan,
                                                const std::stop_token& stop);
  /// When nothing shows any more what the plan ends.
  Result<void> clear(const kube::ObjectKey& key, const ServicePlan& plan,
                     const std::stop_token& stop);
  void release(const kube::ObjectKey& service, const std::vector<IpAddress>& addresses);
  /// How long until the Service must be looked at again: until its status may be written, or its
  /// records should have been seen. Zero: nothing is awaited.
  std::chrono::milliseconds nextLook(const kube::ObjectKey& key, const ServicePlan& plan,
                                     std::chrono::milliseconds pause);

  /// Shows why, if that is not expected to pass soon.
  void explainMissingRecord(const model::Service& service, const Choice& choice, const Error& error,
                            const std::stop_token& stop);
  /// Reports it once it lasts.
  void statusFails(const model::Service& service, const Error& error);

  void notify(const ServicePlan& plan);
  void notify(const kube::ObjectKey& service, const ForeignChange& change);
  /// Who has the address changed: their IP objects show ports and the Pool that it counts for.
  void notifyAllOn(const IpAddress& address);

  kube::Api& api_;
  kube::EventSink& events_;
  const ClusterView view_;
  SharedAllocator& allocator_;
  WaitingList& waiting_;
  const AllocationNotices notices_;
  const std::function<bool()> busy_;
  const Options options_;
  Namespaces namespaces_;
  ServiceRecords records_;
  StatusWriter status_;
  ServiceMemory memory_;
  kube::FailingWrites recordWrites_;
  kube::FailingWrites statusWrites_;
};

}  // namespace barevip::assigner
