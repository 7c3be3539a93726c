// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/vip_election.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "ipvsnode/announce/candidacy.h"

namespace barevip::node {
namespace {

using IpObjects = std::vector<std::shared_ptr<const model::IpObject>>;

std::vector<std::string> amongst(const std::set<std::string>& wanted, const NodeNames& names) {
  std::vector<std::string> both;
  std::set_intersection(names.begin(), names.end(), wanted.begin(), wanted.end(),
                        std::back_inserter(both));
  return both;
}

/// Leaves only what is in `wanted` too, unless that is nothing.
void prefer(const std::set<std::string>& wanted, NodeNames& candidates) {
  std::vector<std::string> both = amongst(wanted, candidates);
  if (!both.empty()) candidates = std::move(both);
}

/// Leaves out what is in `unwanted`, unless that is all.
void avoid(const std::set<std::string>& unwanted, NodeNames& candidates) {
  std::vector<std::string> rest;
  std::set_difference(candidates.begin(), candidates.end(), unwanted.begin(), unwanted.end(),
                      std::back_inserter(rest));
  if (!rest.empty()) candidates = std::move(rest);
}

using AbleNodes = std::vector<std::pair<const LiveNode*, const model::Node*>>;

/// Who may announce the VIPs of a Pool. VIPs share the lists.
class Admission {
 public:
  explicit Admission(const AbleNodes& nodes) : nodes_(nodes), segments_(liveOf(nodes)) {
    if (!std::all_of(nodes.begin(), nodes.end(),
                     [](const auto& node) { return node.first->publishesEligibility; })) {
      return;
    }
    for (const auto& [live, node] : nodes) {
      if (!live->eligibility.serving) unable_.insert(live->name);
      for (const IpAddress& vip : live->eligibility.blocked) unableFor_[vip].insert(live->name);
      for (const IpAddress& vip : live->eligibility.held) unableFor_[vip].insert(live->name);
    }
    for (auto& [vip, names] : unableFor_) names.insert(unable_.begin(), unable_.end());
  }

  NodeNames candidatesFor(const IpAddress& vip, const model::Pool::Announce& announce) {
    const Lists& lists = listsOf(announce, vip);
    const auto unable = unableFor_.find(vip);
    if (unable == unableFor_.end()) return lists.able;
    NodeNames candidates = lists.all;
    avoid(unable->second, candidates);
    return candidates;
  }

 private:
  struct Lists {
    NodeNames all;
    NodeNames able;  ///< for a VIP that no node is unable for in particular
  };

  static std::vector<const LiveNode*> liveOf(const AbleNodes& nodes) {
    std::vector<const LiveNode*> live;
    for (const auto& [one, node] : nodes) live.push_back(one);
    return live;
  }

  const Lists& listsOf(const model::Pool::Announce& announce, const IpAddress& vip) {
    const auto [entry, isNew] =
        lists_.try_emplace({&announce, vip.family(), segments_.around(vip)});
    Lists& lists = entry->second;
    if (isNew) {
      std::vector<std::string> names;
      for (const auto& [live, node] : nodes_) {
        if (!refusalOf(announce, *node, *live, vip, segments_)) names.push_back(live->name);
      }
      lists.all = lists.able = std::move(names);
      if (!unable_.empty()) avoid(unable_, lists.able);
    }
    return lists;
  }

  const AbleNodes& nodes_;
  const Segments segments_;
  std::set<std::string> unable_;
  std::map<IpAddress, std::set<std::string>> unableFor_;
  /// By all that a verdict depends on.
  std::map<std::tuple<const model::Pool::Announce*, Family, std::vector<IpPrefix>>, Lists> lists_;
};

std::string holderOf(const IpObjects& ipObjects, const NodeNames& candidates) {
  std::string first;
  for (const auto& ipObject : ipObjects) {
    const std::string& node = ipObject->status.node;
    if (candidates.contains(node)) return node;
    if (first.empty()) first = node;
  }
  return first;
}

}  // namespace

std::vector<VipElection> electionsFor(const std::vector<ServedVip>& vips,
                                      const ClusterState& cluster,
                                      const std::vector<LiveNode>& live) {
  std::vector<const ServedVip*> all;
  all.reserve(vips.size());
  for (const ServedVip& vip : vips) all.push_back(&vip);
  return electionsFor(all, cluster, live);
}

std::vector<VipElection> electionsFor(std::span<const ServedVip* const> vips,
                                      const ClusterState& cluster,
                                      const std::vector<LiveNode>& live) {
  std::map<std::string, const model::Node*> nodes;
  for (const auto& node : cluster.nodes) nodes.emplace(node->key.name, node.get());
  AbleNodes able;
  for (const LiveNode& one : live) {
    const auto node = nodes.find(one.name);
    if (node != nodes.end() && !refusalOf(*node->second)) able.emplace_back(&one, node->second);
  }
  std::sort(able.begin(), able.end(),
            [](const auto& a, const auto& b) { return a.first->name < b.first->name; });

  const PoolsByName pools = byName(cluster.pools);
  Admission admission(able);
  std::vector<VipElection> result;
  result.reserve(vips.size());
  for (const ServedVip* const one : vips) {
    const ServedVip& vip = *one;
    VipElection question;
    question.vip = vip.address;
    for (const auto& ipObject : vip.ipObjects)
      question.ipObjects.emplace(ipObject->key, ipObject->status.node);
    if (!vip.ipObjects.empty()) {
      const auto& announce = announceOf(vip.ipObjects, pools);
      question.announced = announce.mode == model::AnnounceMode::kL2;
      question.candidates = admission.candidatesFor(vip.address, announce);
      if (vip.endpointNodesOnly)
        question.candidates = amongst(vip.endpointNodes, question.candidates);
      // From any to each: if those that have all are not candidates, the others still count.
      prefer(vip.endpointNodes, question.candidates);
      prefer(vip.commonNodes, question.candidates);
      question.holder = holderOf(vip.ipObjects, question.candidates);
    }
    result.push_back(std::move(question));
  }
  return result;
}

std::set<IpAddress> unowned(std::span<const VipElection> questions,
                            const std::set<IpAddress>& begun) {
  std::set<IpAddress> result;
  for (const VipElection& question : questions) {
    if (!question.announced || !question.holder.empty()) continue;
    if (!begun.contains(question.vip)) result.insert(question.vip);
  }
  return result;
}

Election electionOf(const std::vector<LiveNode>& live) {
  const bool all = std::all_of(live.begin(), live.end(),
                               [](const LiveNode& node) { return node.electsByShare; });
  return all ? Election::kByShare : Election::kByMean;
}

Owners elect(std::span<const VipElection> questions, Election election) {
  return election == Election::kByShare ? allotByShare(questions) : allotByMean(questions);
}

}  // namespace barevip::node
