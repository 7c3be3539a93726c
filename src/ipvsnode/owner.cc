// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/owner.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>

namespace barevip::node {
namespace {

constexpr const char* kExcludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";
constexpr std::size_t kAlwaysKept = 4;

std::size_t ceilDiv(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

bool mayAnnounce(const model::Node& node) {
  return !node.networkUnavailable && !node.labels.contains(kExcludeLabel);
}

bool admits(const model::Pool::Announce& announce, const model::Node& node, const LiveNode& live) {
  if (announce.mode != model::AnnounceMode::kL2) return false;
  if (announce.nodeSelector && !announce.nodeSelector->matches(node.labels)) return false;
  const auto& names = announce.interfaces;
  return names.empty() || std::find(names.begin(), names.end(), live.bindInterface) != names.end();
}

class Allotment {
 public:
  explicit Allotment(std::span<const OwnerQuestion> questions) : questions_(questions) {
    std::set<std::string> nodes;
    std::set<const std::string*> lists;  // by their first name, of those that are shared
    for (const OwnerQuestion& question : questions) {
      const NodeNames& candidates = question.candidates;
      if (candidates.empty()) continue;
      ++count_;
      if (lists.insert(&candidates.front()).second) {
        nodes.insert(candidates.begin(), candidates.end());
      }
    }
    const std::size_t nodeCount = std::max<std::size_t>(nodes.size(), 1);
    keepBound_ = std::max(kAlwaysKept, ceilDiv(2 * count_, nodeCount));
    newBound_ = ceilDiv(5 * count_, 4 * nodeCount);
  }

  std::map<IpAddress, std::string> run() {
    keepHolders();
    for (const OwnerQuestion& question : questions_) {
      if (question.candidates.empty() || owners_.contains(question.vip)) continue;
      const std::string& node = place(question);
      ++load_[node];
      owners_.emplace(question.vip, node);
    }
    return std::move(owners_);
  }

 private:
  void keepHolders() {
    std::map<std::string, std::vector<std::pair<std::uint64_t, IpAddress>>> held;
    for (const OwnerQuestion& question : questions_) {
      if (question.candidates.contains(question.holder)) {
        held[question.holder].emplace_back(rank(question.holder, question.vip), question.vip);
      }
    }
    for (auto& [node, vips] : held) {
      if (vips.size() > keepBound_) {
        std::sort(vips.begin(), vips.end(), std::greater<>());
        vips.resize(keepBound_);
      }
      for (const auto& [weight, vip] : vips) owners_.emplace(vip, node);
      load_[node] = vips.size();
    }
  }

  const std::string& place(const OwnerQuestion& question) {
    const std::string* best = nullptr;
    std::uint64_t bestRank = 0;
    const std::string* idlest = &question.candidates.front();  // there is at least one
    std::uint64_t idlestRank = rank(*idlest, question.vip);
    for (const std::string& node : question.candidates) {
      const std::size_t load = load_[node];
      const std::uint64_t weight = rank(node, question.vip);
      if (load < newBound_ && (best == nullptr || weight > bestRank)) {
        best = &node;
        bestRank = weight;
      }
      const bool idler = load < load_[*idlest] || (load == load_[*idlest] && weight > idlestRank);
      if (idler) {
        idlest = &node;
        idlestRank = weight;
      }
    }
    return best != nullptr ? *best : *idlest;
  }

  std::span<const OwnerQuestion> questions_;
  std::size_t count_ = 0;
  std::size_t keepBound_ = 0;
  std::size_t newBound_ = 0;
  std::map<std::string, std::size_t> load_;
  std::map<IpAddress, std::string> owners_;
};

using Pools = std::map<std::string, const model::Pool*>;
using Claims = std::vector<std::shared_ptr<const model::IpClaim>>;

// A pool that was deleted while in use leaves its addresses with their holders, announced as by
// default.
const model::Pool::Announce& announceOf(const Claims& claims, const Pools& pools) {
  static const model::Pool::Announce kAnywhere;
  for (const auto& claim : claims) {
    const auto pool = pools.find(claim->status.pool);
    if (pool != pools.end()) return pool->second->announce;
  }
  return kAnywhere;
}

/// Leaves only what is in `wanted` too, unless that is nothing.
void prefer(const std::set<std::string>& wanted, NodeNames& candidates) {
  std::vector<std::string> both;
  std::set_intersection(candidates.begin(), candidates.end(), wanted.begin(), wanted.end(),
                        std::back_inserter(both));
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
  explicit Admission(const AbleNodes& nodes) : nodes_(nodes) {
    if (!std::all_of(nodes.begin(), nodes.end(),
                     [](const auto& node) { return node.first->tellsAbility; })) {
      return;
    }
    for (const auto& [live, node] : nodes) {
      if (!live->ability.serving) unable_.insert(live->name);
      for (const IpAddress& vip : live->ability.blocked) unableFor_[vip].insert(live->name);
      for (const IpAddress& vip : live->ability.held) unableFor_[vip].insert(live->name);
    }
    for (auto& [vip, names] : unableFor_) names.insert(unable_.begin(), unable_.end());
  }

  NodeNames candidatesFor(const IpAddress& vip, const model::Pool::Announce& announce) {
    const Lists& lists = listsOf(announce, vip.family());
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

  const Lists& listsOf(const model::Pool::Announce& announce, Family family) {
    const auto [entry, isNew] = lists_.try_emplace({&announce, family});
    Lists& lists = entry->second;
    if (isNew) {
      std::vector<std::string> names;
      for (const auto& [live, node] : nodes_) {
        if (family == Family::kIpv6 && !live->ipv6) continue;
        if (admits(announce, *node, *live)) names.push_back(live->name);
      }
      lists.all = lists.able = std::move(names);
      if (!unable_.empty()) avoid(unable_, lists.able);
    }
    return lists;
  }

  const AbleNodes& nodes_;
  std::set<std::string> unable_;
  std::map<IpAddress, std::set<std::string>> unableFor_;
  std::map<std::pair<const model::Pool::Announce*, Family>, Lists> lists_;
};

std::string holderOf(const Claims& claims, const NodeNames& candidates) {
  std::string first;
  for (const auto& claim : claims) {
    const std::string& node = claim->status.node;
    if (candidates.contains(node)) return node;
    if (first.empty()) first = node;
  }
  return first;
}

}  // namespace

std::uint64_t rank(const std::string& node, const IpAddress& vip) {
  // FNV-1a, then the finalizer of MurmurHash3, since FNV's last bytes hardly reach the high bits.
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const char c : node) mix(static_cast<std::uint8_t>(c));
  mix(0);
  const auto bytes = vip.bytes();
  for (std::size_t i = 0; i < vip.size(); ++i) mix(std::to_integer<std::uint8_t>(bytes[i]));
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33U);
}

std::vector<OwnerQuestion> askOwners(const std::vector<ServedVip>& vips,
                                     const ClusterState& cluster,
                                     const std::vector<LiveNode>& live) {
  std::map<std::string, const model::Node*> nodes;
  for (const auto& node : cluster.nodes) nodes.emplace(node->key.name, node.get());
  AbleNodes able;
  for (const LiveNode& one : live) {
    const auto node = nodes.find(one.name);
    if (node != nodes.end() && mayAnnounce(*node->second)) able.emplace_back(&one, node->second);
  }
  std::sort(able.begin(), able.end(),
            [](const auto& a, const auto& b) { return a.first->name < b.first->name; });

  Pools pools;
  for (const auto& pool : cluster.pools) pools.emplace(pool->key.name, pool.get());

  Admission admission(able);
  std::vector<OwnerQuestion> result;
  result.reserve(vips.size());
  for (const ServedVip& vip : vips) {
    OwnerQuestion question;
    question.vip = vip.address;
    for (const auto& claim : vip.claims) question.claims.emplace(claim->key, claim->status.node);
    if (!vip.claims.empty()) {
      const auto& announce = announceOf(vip.claims, pools);
      question.announced = announce.mode == model::AnnounceMode::kL2;
      question.candidates = admission.candidatesFor(vip.address, announce);
      // From any to each: if those that have all are no candidates, the others still count.
      prefer(vip.endpointNodes, question.candidates);
      prefer(vip.commonNodes, question.candidates);
      question.holder = holderOf(vip.claims, question.candidates);
    }
    result.push_back(std::move(question));
  }
  return result;
}

std::map<IpAddress, std::string> chooseOwners(std::span<const OwnerQuestion> questions) {
  return Allotment(questions).run();
}

}  // namespace barevip::node
