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
#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/ledger.h"
#include "common/kube/controller.h"
#include "common/kube/key_set.h"

namespace barevip::controlplane {

/// Holds addresses for IP objects that people made, and writes the status of all IP objects, but
/// for `node`. Those that a Service owns are made and removed by the Service reconciler.
class IpReconciler {
 public:
  struct View {
    const kube::Store<model::IpClaim>& claims;
    const kube::Store<model::Service>& services;
    const kube::Store<model::Namespace>& namespaces;
  };
  /// Called without a lock, must only hand work on.
  struct Notices {
    std::function<void()> freed;    ///< an address, or a reservation that Services may wait for
    std::function<void()> changed;  ///< counts of Pools may differ
    std::function<void(const kube::ObjectKey&)> serviceTouched;  ///< its reservation went away
  };

  IpReconciler(kube::Api& api, const Clock& clock, kube::EventSink& events, View view,
               assigner::Ledger& ledger, Notices notices);

  Result<kube::ReconcileResult> reconcile(const kube::ObjectKey& key, const std::stop_token& stop);

  /// Reservations that wait for an address.
  [[nodiscard]] std::vector<kube::ObjectKey> waiters() const { return waiters_.all(); }

 private:
  using Status = model::IpClaim::Status;

  void forget(const kube::ObjectKey& key);
  [[nodiscard]] std::optional<Status> ownedStatus(const model::IpClaim& claim);
  [[nodiscard]] Status reservedStatus(const model::IpClaim& claim);
  void tellIfNew(const kube::ObjectKey& key);
  [[nodiscard]] std::optional<assigner::Explanation> misfitOfUsers(
      const assigner::PoolTable& pools, const IpAddress& address, const std::string& pool,
      const std::vector<assigner::Sharer>& users) const;
  void dropOther(const model::IpClaim& claim, const std::optional<IpAddress>& wanted);

  kube::Api& api_;
  const Clock& clock_;
  kube::EventSink& events_;
  const View view_;
  assigner::Ledger& ledger_;
  const Notices notices_;

  kube::KeySet waiters_;
  /// Reservations that the ledger has, or has with another share key, and that nobody was told of.
  kube::KeySet new_;
};

}  // namespace barevip::controlplane
