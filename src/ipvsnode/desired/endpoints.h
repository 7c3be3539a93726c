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

namespace barevip::node {

/// EndpointSlices by the Service that they belong to. Refers to the slices: they must outlive it.
class EndpointIndex {
 public:
  explicit EndpointIndex(const std::vector<std::shared_ptr<const model::EndpointSlice>>& slices);

  [[nodiscard]] std::span<const model::EndpointSlice* const> of(
      const kube::ObjectKey& service) const;

 private:
  std::map<kube::ObjectKey, std::vector<const model::EndpointSlice*>> byService_;
};

struct EndpointChoice {
  std::vector<ipvs::RealServerKey> realServers;  ///< ascending, each once
  /// Policy Local, and all of realServers are on this node.
  bool localOnly = false;
  /// How many endpoints were refused: loopback, link-local, multicast, or a VIP (a loop).
  std::size_t refused = 0;
};

struct EndpointQuery {
  Family family = Family::kIpv4;
  model::ServicePort port;
  model::TrafficPolicy policy = model::TrafficPolicy::kCluster;
  std::string nodeName;
};

/// Cluster: the ready endpoints of the family whose port has the Service port's name and protocol;
/// if there are none, those that are serving while they terminate. Local: the same of this node;
/// if this node has none at all, as Cluster, which is how kube-proxy treats requests from inside
/// the cluster (from outside no request comes here: the owner has endpoints).
[[nodiscard]] EndpointChoice chooseEndpoints(std::span<const model::EndpointSlice* const> slices,
                                             const EndpointQuery& query,
                                             const std::set<IpAddress>& vips);

/// The nodes that have endpoints of the family, by the same rule: ready ones, or if there are none
/// anywhere, serving and terminating ones.
[[nodiscard]] std::set<std::string> nodesWithEndpoints(
    std::span<const model::EndpointSlice* const> slices, Family family);

}  // namespace barevip::node
