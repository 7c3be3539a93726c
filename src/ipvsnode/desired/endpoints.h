// SPDX-License-Identifier: Apache-2.0
// Which endpoints a port of a Service is balanced on (kube-proxy's pkg/proxy/topology.go). Pure.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "barevip/ipvs/kernel.h"
#include "barevip/model/endpoint_slice.h"
#include "barevip/model/service.h"

#include "ipvsnode/desired/endpoint_admission.h"

namespace barevip::node {

/// "10.1.0.1:8080", "[fd00::1]:8080".
[[nodiscard]] std::string endpointText(const ipvs::RealServerKey& key);

/// EndpointSlices by the Service that they belong to. Refers to the slices: they must outlive it,
/// or be removed from it before they go.
class EndpointIndex {
 public:
  EndpointIndex() = default;
  explicit EndpointIndex(const std::vector<std::shared_ptr<const model::EndpointSlice>>& slices);

  void add(const model::EndpointSlice& slice);
  /// The same one that was added.
  void remove(const model::EndpointSlice& slice);

  /// Ascending by key.
  [[nodiscard]] std::span<const model::EndpointSlice* const> of(
      const kube::ObjectKey& service) const;

 private:
  std::map<kube::ObjectKey, std::vector<const model::EndpointSlice*>> byService_;
};

struct EndpointChoice {
  std::vector<ipvs::RealServerKey> realServers;  ///< ascending, each once
  /// Policy Local, and all of realServers are on this node.
  bool localOnly = false;
  /// Endpoints that are not used, see EndpointAdmission: how many, and the first with what it is.
  struct Refused {
    std::size_t count = 0;
    IpAddress first;
    std::string what;
  };
  Refused refused;
};

struct EndpointQuery {
  const model::Service& service;
  Family family = Family::kIpv4;
  model::ServicePort port;
  std::string nodeName;
};

/// Cluster: the ready endpoints of the family whose port has the Service port's name and protocol;
/// if there are none, those that are serving while they terminate. Local: the same of this node;
/// if this node has none at all, as Cluster, which is how kube-proxy treats requests from inside
/// the cluster (from outside no request comes here: the owner has endpoints).
[[nodiscard]] EndpointChoice chooseEndpoints(std::span<const model::EndpointSlice* const> slices,
                                             const EndpointQuery& query,
                                             EndpointAdmission& admission);

/// The nodes that have endpoints of the family, by the same rules: ready ones, or if there are none
/// anywhere, serving and terminating ones.
[[nodiscard]] std::set<std::string> nodesWithEndpoints(
    std::span<const model::EndpointSlice* const> slices, const model::Service& service,
    Family family, EndpointAdmission& admission);

}  // namespace barevip::node
