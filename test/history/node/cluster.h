// SPDX-License-Identifier: Apache-2.0
// The cluster of a history: what its API server knows, and the objects in which it says so.
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/endpoint_slice.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "history/node/history.h"

namespace barevip::node::history {

struct Cluster {
  bool host = false;
  std::map<Pick, PutService> services;
  std::map<Pick, std::array<Pod, kEndpointCount>> pods;
  /// By Service and VIP: which node its IP object names; empty: none.
  std::map<std::pair<Pick, IpAddress>, std::string> records;
  std::array<bool, kNodeCount> excluded{};
};

struct Port {
  std::string name;
  model::Protocol protocol = model::Protocol::kTcp;
  std::uint16_t number = 0;
  std::uint16_t ofPods = 0;
};

// What a Service asks for.
[[nodiscard]] std::vector<IpAddress> vipsOf(const PutService& service);
[[nodiscard]] std::vector<Port> portsOf(const PutService& service);
/// By kube-proxy only what has its addresses alone, and by clusterIP only what may be forwarded so:
/// all else is refused, which is not what these histories are about.
[[nodiscard]] Forward forwardOf(const PutService& service, bool host);
/// Ascending; empty: from everywhere. Those of Sources::kNobody are not networks.
[[nodiscard]] std::vector<std::string> sourcesOf(const PutService& service);

/// Makes IP objects for what Services have, and takes away those of others.
void keepRecords(Cluster& cluster);
[[nodiscard]] kube::ObjectKey recordKey(Pick service, const IpAddress& vip);

/// As the API server lists them.
struct Objects {
  std::vector<model::Service> services;
  std::vector<model::EndpointSlice> slices;
  std::vector<model::Node> nodes;
  std::vector<model::IpObject> ipObjects;
};
[[nodiscard]] Objects objectsOf(const Cluster& cluster);

}  // namespace barevip::node::history
