// SPDX-License-Identifier: Apache-2.0
#include "cli/view/handover.h"

#include <cstddef>

#include "cli/view/candidates.h"
#include "ipvsnode/announce/candidacy.h"
#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/desired/desired.h"
#include "view/text.h"
#include "view/vips.h"

namespace barevip::cli {
namespace {

view::Cluster excluding(view::Cluster cluster, const std::string& name) {
  for (auto& node : cluster.state.nodes) {
    if (node->key.name != name) continue;
    model::Node excluded = *node;
    excluded.labels[kExcludeLabel] = kDrainValue;
    node = std::make_shared<const model::Node>(std::move(excluded));
  }
  return cluster;
}

std::string whyNobodyElse(const view::Cluster& cluster, const std::string& name,
                          const model::Pool::Announce& announce,
                          const node::VipElection& question) {
  std::string why;
  for (const auto& node : cluster.state.nodes) {
    if (node->key.name == name) continue;
    if (!why.empty()) why += "; ";
    why += node->key.name + " " + verdictOnNode(cluster, *node, announce, question);
  }
  return why.empty() ? "there is no other node" : why;
}

}  // namespace

Exclusion exclusionOf(const model::StringMap& labels) {
  const auto label = labels.find(kExcludeLabel);
  if (label == labels.end()) return Exclusion::kNone;
  return label->second == kDrainValue ? Exclusion::kDrained : Exclusion::kForeign;
}

Announcers announcersOf(const IpObjects& ipObjects) {
  Announcers announcers;
  for (const auto& ipObject : ipObjects) {
    if (!node::isBound(*ipObject)) continue;
    std::string& announcer = announcers[ipObject->status.address];
    if (announcer.empty()) announcer = ipObject->status.node;
  }
  return announcers;
}

std::set<std::string> announcedBy(const Announcers& announcers, const std::string& node) {
  std::set<std::string> vips;
  for (const auto& [vip, announcer] : announcers) {
    if (announcer == node) vips.insert(vip);
  }
  return vips;
}

std::set<std::string> announcedIn(const view::Cluster& cluster) {
  const view::Vips all = vipsOf(cluster, desiredOn(cluster, ""));
  std::set<std::string> vips;
  for (const node::VipElection& question : all.questions) {
    if (question.announced) vips.insert(question.vip.toString());
  }
  return vips;
}

std::vector<Stranded> strandedWithout(const view::Cluster& cluster, const std::string& node,
                                      const std::set<std::string>& vips, std::size_t named) {
  const view::Cluster drained = excluding(cluster, node);
  const view::Vips all = vipsOf(drained, desiredOn(drained, ""));
  const node::PoolsByName pools = node::byName(drained.state.pools);
  std::vector<Stranded> stranded;
  for (std::size_t i = 0; i < all.served.size(); ++i) {
    const node::ServedVip& vip = all.served[i];
    const std::string address = vip.address.toString();
    if (!vips.contains(address) || !ownerOf(all, vip.address).empty()) continue;
    if (stranded.size() >= named) {
      stranded.push_back({address, {}, {}});
      continue;
    }
    const auto& announce = node::announceOf(vip.ipObjects, pools);
    stranded.push_back(
        {address, view::listed(vip.services, [](const auto& each) { return each->key.toString(); }),
         whyNobodyElse(drained, node, announce, all.questions[i])});
  }
  return stranded;
}

std::set<std::string> leftOf(const std::set<std::string>& vips, const Announcers& announcers,
                             const std::string& node) {
  std::set<std::string> left;
  for (const std::string& vip : vips) {
    const auto found = announcers.find(vip);
    if (found == announcers.end()) continue;
    if (found->second.empty() || found->second == node) left.insert(vip);
  }
  return left;
}

}  // namespace barevip::cli
