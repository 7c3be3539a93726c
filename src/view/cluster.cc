// SPDX-License-Identifier: Apache-2.0
#include "view/cluster.h"

#include <algorithm>

namespace barevip::view {

std::vector<node::LiveNode> liveNodesOf(const Cluster& cluster) {
  std::vector<node::LiveNode> live;
  for (const Daemon& daemon : cluster.daemons) {
    if (!daemon.silent && !daemon.leaving) live.push_back(daemon.says);
  }
  return live;
}

const Daemon* daemonOf(const Cluster& cluster, const std::string& node) {
  const auto found = std::find_if(cluster.daemons.begin(), cluster.daemons.end(),
                                  [&](const Daemon& each) { return each.says.name == node; });
  return found == cluster.daemons.end() ? nullptr : &*found;
}

}  // namespace barevip::view
