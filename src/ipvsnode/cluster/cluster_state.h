// SPDX-License-Identifier: Apache-2.0
// What the node daemon knows of the cluster at one moment.
#pragma once

#include <memory>
#include <vector>

#include "barevip/model/endpoint_slice.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::node {

/// A snapshot of the stores. Each vector ascends by key.
struct ClusterState {
  std::vector<std::shared_ptr<const model::Service>> services;
  std::vector<std::shared_ptr<const model::EndpointSlice>> slices;
  std::vector<std::shared_ptr<const model::Node>> nodes;
  std::vector<std::shared_ptr<const model::IpObject>> ipObjects;
  std::vector<std::shared_ptr<const model::Pool>> pools;
};

}  // namespace barevip::node
