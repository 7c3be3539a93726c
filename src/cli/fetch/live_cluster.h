// SPDX-License-Identifier: Apache-2.0
// What the views show, kept by watches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/store.h"
#include "barevip/model/endpoint_slice.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "cli/fetch/operator_reading.h"
#include "common/kube/reflector.h"
#include "view/cluster.h"
#include "view/daemon_watch.h"

namespace barevip::cli {

/// Lists each kind once and watches it from there on, each by a reflector. One thread may call it.
class LiveCluster {
 public:
  /// References must outlive this.
  LiveCluster(kube::Api& api, const Clock& clock, OperatorReading reading);

  /// nullopt: not all lists have come yet. Call it about once a second: who does not renew a Lease
  /// is known by the time that passes.
  [[nodiscard]] std::optional<view::Cluster> look();

  /// The flags of the operator may be other ones now.
  [[nodiscard]] bool isOutdated();

 private:
  /// Of the operator's Deployment.
  struct Revision {
    kube::ObjectKey key;
    std::int64_t generation = 0;
    friend bool operator==(const Revision&, const Revision&) = default;
  };

  template <class T, class Decode>
  void keep(const kube::Resource& resource, kube::Selection selection, kube::Store<T>& store,
            Decode decode);
  [[nodiscard]] bool leads();

  kube::Api& api_;
  const Clock& clock_;
  const OperatorReading reading_;
  kube::Store<model::Service> services_;
  kube::Store<model::EndpointSlice> slices_;
  kube::Store<model::Node> nodes_;
  kube::Store<model::IpObject> ipObjects_;
  kube::Store<model::Pool> pools_;
  kube::Store<model::Namespace> namespaces_;
  kube::Store<model::Lease> leases_;  ///< of node daemons
  kube::Store<model::Lease> leaderLeases_;
  kube::Store<Revision> operators_;
  std::optional<std::vector<std::shared_ptr<const Revision>>> operatorsFirst_;
  view::DaemonWatch daemons_;
  std::string leaderRenewed_;  ///< spec.renewTime, as it was seen last
  MonotonicTime leaderSeen_{};
  std::vector<std::unique_ptr<kube::Reflector>> reflectors_;  ///< last: they write to the stores
};

}  // namespace barevip::cli
