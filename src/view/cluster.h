// SPDX-License-Identifier: Apache-2.0
// What the API server said of a cluster at one moment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "barevip/model/node.h"
#include "barevip/model/service_cidr.h"

#include "assigner/service/service_plan.h"
#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/membership/live_node.h"

namespace barevip::view {

/// The daemon of a node, as its Lease describes it.
struct Daemon {
  node::LiveNode says;
  bool silent = false;  ///< it did not renew its Lease while it was waited for
  bool leaving = false;
};

struct Cluster {
  node::ClusterState state;
  std::vector<std::shared_ptr<const model::Namespace>> namespaces;      ///< ascending by key
  std::vector<std::shared_ptr<const model::ServiceCidr>> serviceCidrs;  ///< those known
  std::vector<Daemon> daemons;                                          ///< ascending by node
  assigner::ServiceRules rules;                                         ///< of the operator
  bool leads = true;               ///< false: an operator that elects a leader has none
  std::vector<std::string> notes;  ///< what had to be assumed, a sentence each
};

/// Those that may announce: neither silent nor leaving.
[[nodiscard]] std::vector<node::LiveNode> liveNodesOf(const Cluster& cluster);

/// Null: the node has none.
[[nodiscard]] const Daemon* daemonOf(const Cluster& cluster, const std::string& node);

}  // namespace barevip::view
