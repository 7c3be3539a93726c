// SPDX-License-Identifier: Apache-2.0
#include "cli/view/vips.h"

namespace barevip::cli {

node::DesiredState desiredOn(const Cluster& cluster, const std::string& node) {
  node::DesiredOptions options;
  options.nodeName = node;
  options.classes = cluster.rules.classes;
  return node::computeDesired(cluster.state, options, {});
}

Vips vipsOf(const Cluster& cluster, const node::DesiredState& desired) {
  const std::vector<node::LiveNode> live = liveNodesOf(cluster);
  Vips vips{desired.vips, node::askOwners(desired.vips, cluster.state, live), {}};
  vips.owners = node::chooseOwners(vips.questions, node::electionOf(live));
  return vips;
}

}  // namespace barevip::cli
