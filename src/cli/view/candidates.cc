// SPDX-License-Identifier: Apache-2.0
#include "cli/view/candidates.h"

#include <vector>

#include "ipvsnode/announce/candidacy.h"

namespace barevip::cli {

std::string verdictOnNode(const view::Cluster& cluster, const model::Node& node,
                          const model::Pool::Announce& announce,
                          const node::VipElection& question) {
  const view::Daemon* const daemon = daemonOf(cluster, node.key.name);
  if (daemon == nullptr) return "runs no node daemon";
  if (daemon->silent) return "is silent: its node daemon does not renew its Lease";
  if (daemon->leaving) return "asks other nodes to take over";
  if (const auto why = node::refusalOf(node)) return std::string(*why);
  const auto live = view::liveNodesOf(cluster);
  std::vector<const node::LiveNode*> nodes;
  nodes.reserve(live.size());
  for (const node::LiveNode& one : live) nodes.push_back(&one);
  if (const auto why =
          node::refusalOf(announce, node, daemon->says, question.vip, node::Segments(nodes))) {
    return std::string(*why);
  }
  if (question.candidates.contains(node.key.name)) return "is a candidate";
  const node::Eligibility& eligibility = daemon->says.eligibility;
  if (!eligibility.serving || eligibility.blocked.contains(question.vip)) {
    return "reports that it cannot announce it";
  }
  if (eligibility.held.contains(question.vip)) {
    return "has the address already, configured by something else";
  }
  return "has no endpoint of the Service, as externalTrafficPolicy Local requires";
}

}  // namespace barevip::cli
