// SPDX-License-Identifier: Apache-2.0
#include "view/vips.h"

namespace barevip::view {

node::DesiredState desiredOn(const Cluster& cluster, const std::string& node) {
  node::DesiredOptions options;
  options.nodeName = node;
  options.classes = cluster.rules.classes;
  return node::computeDesired(cluster.state, options, {});
}

Vips vipsOf(const Cluster& cluster, const node::DesiredState& desired) {
  const std::vector<node::LiveNode> live = liveNodesOf(cluster);
  Vips vips{desired.vips, node::electionsFor(desired.vips, cluster.state, live), {}};
  vips.owners = node::elect(vips.questions, node::electionOf(live));
  return vips;
}

Forwarding forwardingOf(const Cluster& cluster) {
  Forwarding forwarding{desiredOn(cluster, ""), {}};
  forwarding.vips = vipsOf(cluster, forwarding.desired);
  return forwarding;
}

std::string ownerOf(const Vips& vips, const IpAddress& vip) {
  const auto owner = vips.owners.find(vip);
  return owner == vips.owners.end() ? std::string() : owner->second;
}

}  // namespace barevip::view
