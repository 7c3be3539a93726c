// SPDX-License-Identifier: Apache-2.0
// What the node daemon knows of the cluster at one moment.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/endpoint_slice.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::node {

/// A snapshot of the stores. Each vector ascends by key.
struct ClusterState {
  std::vector<std::shared_ptr<const model::Service>> services;
  std::vector<std::shared_ptr<const model::EndpointSlice>> slices;
  std::vector<std::shared_ptr<const model::Node>> nodes;
  std::vector<std::shared_ptr<const model::IpClaim>> claims;
  std::vector<std::shared_ptr<const model::Pool>> pools;
};

/// Something that a person should know and mend. It never stops the rest from being served.
struct Problem {
  kube::ObjectKey service;
  std::optional<IpAddress> vip;
  std::string reason;   ///< CamelCase, as Events want it
  std::string message;  ///< one sentence: what, where, how to mend it

  friend bool operator==(const Problem&, const Problem&) = default;
  friend auto operator<=>(const Problem&, const Problem&) = default;
};

}  // namespace barevip::node
