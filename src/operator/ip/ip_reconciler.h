// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
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
#include "assigner/service/namespaces.h"
#include "assigner/service/overwrite_backoff.h"
#include "assigner/service/service_reconciler.h"
#include "common/kube/controller.h"
#include "common/kube/failing_writes.h"
#include "common/kube/key_set.h"

namespace barevip::controlplane {

/// Holds addresses for IP objects that people made, and writes the status of all IP objects, but
/// for `node`. Those that a Service owns are made and removed by the Service reconciler.
class IpReconciler {
 public:
  struct View {
    const kube::Store<model::IpObject>& ipObjects;
    const kube::Store<model::Service>& services;
    const kube::Store<model::Namespace>& namespaces;
  };

  IpReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, View view,
               assigner::SharedAllocator& shared, assigner::WaitingList& waiting,
               assigner::AllocationNotices notices);

  Result<kube::ReconcileResult> reconcile(const kube::ObjectKey& key, const std::stop_token& stop);

 private:
  using Status = model::IpObject::Status;

  void forget(const kube::ObjectKey& key);
  [[nodiscard]] std::optional<Status> ownedStatus(const model::IpObject& ipObject);
  [[nodiscard]] bool knowsGiver(const model::IpObject& ipObject) const;
  [[nodiscard]] Status reservedStatus(const model::IpObject& ipObject, const model::Namespace* ns);
  Result<assigner::Namespaces::Ptr> namespaceOf(const model::IpObject& ipObject,
                                                const std::stop_token& stop);
  void recorded(const kube::ObjectKey& key);
  void reportUnwritten(const model::IpObject& ipObject, const Error& error);
  [[nodiscard]] std::optional<assigner::ConditionReason> violationOfUsers(
      const assigner::PoolTable& pools, const IpAddress& address, const std::string& pool,
      const std::vector<assigner::ServiceConsumer>& users) const;
  void dropOther(const model::IpObject& ipObject, const std::optional<IpAddress>& wanted);

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  const View view_;
  assigner::SharedAllocator& allocator_;
  assigner::WaitingList& waiting_;
  const assigner::AllocationNotices notices_;
  assigner::Namespaces namespaces_;

  /// Reservations that the allocator has, or has with another share key, and whose status does not
  /// say so yet: nobody knows of them.
  kube::KeySet new_;
  kube::FailingWrites statusWrites_;
  /// Of statuses that were written more than once, so that most IP objects take no memory here.
  assigner::OverwriteBackoff pace_;
};

}  // namespace barevip::controlplane
