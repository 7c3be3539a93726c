// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/bounded_load_election.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace barevip::node {
namespace {

constexpr std::size_t kAlwaysKept = 4;

constexpr std::uint64_t ceilDiv(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

class ElectionByShare {
 public:
  explicit ElectionByShare(std::span<const VipElection> questions) : questions_(questions) {
    measureShares();
    for (auto& [name, desk] : desks_) {
      desk.mayKeep = std::max<std::uint64_t>(kAlwaysKept, ceilDiv(2 * desk.share, kOne));
      desk.mayGet = ceilDiv(5 * desk.share, 4 * kOne);
    }
  }

  Owners run() {
    std::vector<const VipElection*> homeless;
    for (const VipElection& question : questions_) {
      if (question.candidates.contains(question.holder)) {
        give(question.vip, question.holder);
      } else if (!question.candidates.empty()) {
        homeless.push_back(&question);
      }
    }
    // Those with most choice last: they find room where the others have none.
    std::stable_sort(homeless.begin(), homeless.end(), [](const auto* a, const auto* b) {
      return a->candidates.size() < b->candidates.size();
    });
    for (const VipElection* question : homeless) {
      const std::string* node = bestWithRoom(*question);
      give(question->vip, node != nullptr ? *node : idlest(*question));
    }
    relieve();
    return std::move(owners_);
  }

 private:
  /// Fractions of a VIP, so that no rounding of a machine decides.
  static constexpr std::uint64_t kOne = std::uint64_t{1} << 32U;

  struct Desk {
    std::uint64_t share = 0;
    std::uint64_t mayKeep = 0;
    std::uint64_t mayGet = 0;
    std::uint64_t load = 0;
  };

  void measureShares() {
    std::map<const std::string*, std::pair<const NodeNames*, std::uint64_t>> lists;
    for (const VipElection& question : questions_) {
      if (question.candidates.empty()) continue;
      auto& [names, count] = lists[&question.candidates.front()];
      names = &question.candidates;
      ++count;
    }
    for (const auto& [first, list] : lists) {
      const auto& [names, count] = list;
      for (const std::string& name : *names) desks_[name].share += count * (kOne / names->size());
    }
  }

  void give(const IpAddress& vip, const std::string& node) {
    ++desks_[node].load;
    owners_[vip] = node;
  }

  /// Null: none has room.
  const std::string* bestWithRoom(const VipElection& question) {
    const std::string* best = nullptr;
    std::uint64_t bestRank = 0;
    for (const std::string& node : question.candidates) {
      const Desk& desk = desks_[node];
      if (desk.load >= desk.mayGet) continue;
      const std::uint64_t weight = rank(node, question.vip);
      if (best == nullptr || weight > bestRank) {
        best = &node;
        bestRank = weight;
      }
    }
    return best;
  }

  const std::string& idlest(const VipElection& question) {
    const auto isIdler = [&](const std::string& a, const std::string& b) {
      const Desk& left = desks_[a];
      const Desk& right = desks_[b];
      // load / mayGet, without division.
      const std::uint64_t ofLeft = left.load * right.mayGet;
      const std::uint64_t ofRight = right.load * left.mayGet;
      if (ofLeft != ofRight) return ofLeft < ofRight;
      return rank(a, question.vip) > rank(b, question.vip);
    };
    return *std::min_element(question.candidates.begin(), question.candidates.end(), isIdler);
  }

  void relieve() {
    if (std::none_of(desks_.begin(), desks_.end(),
                     [](const auto& d) { return isFull(d.second); })) {
      return;
    }
    std::map<std::string, std::vector<std::pair<std::uint64_t, const VipElection*>>> held;
    for (const VipElection& question : questions_) {
      const auto owner = owners_.find(question.vip);
      if (owner == owners_.end() || !isFull(desks_[owner->second])) continue;
      held[owner->second].emplace_back(rank(owner->second, question.vip), &question);
    }
    for (auto& [node, vips] : held) {
      std::sort(vips.begin(), vips.end());
      for (const auto& [weight, question] : vips) {
        if (!isFull(desks_[node])) break;
        // Never the node itself: what is full has no room.
        const std::string* other = bestWithRoom(*question);
        if (other == nullptr) continue;
        --desks_[node].load;
        give(question->vip, *other);
      }
    }
  }

  static bool isFull(const Desk& desk) { return desk.load > desk.mayKeep; }

  std::span<const VipElection> questions_;
  std::map<std::string, Desk> desks_;
  Owners owners_;
};

class ElectionByMean {
 public:
  explicit ElectionByMean(std::span<const VipElection> questions) : questions_(questions) {
    std::set<std::string> nodes;
    std::set<const std::string*> lists;  // by their first name, of those that are shared
    for (const VipElection& question : questions) {
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

  Owners run() {
    keepHolders();
    for (const VipElection& question : questions_) {
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
    for (const VipElection& question : questions_) {
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

  const std::string& place(const VipElection& question) {
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

  std::span<const VipElection> questions_;
  std::size_t count_ = 0;
  std::size_t keepBound_ = 0;
  std::size_t newBound_ = 0;
  std::map<std::string, std::size_t> load_;
  Owners owners_;
};

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

Owners allotByShare(std::span<const VipElection> questions) {
  return ElectionByShare(questions).run();
}

Owners allotByMean(std::span<const VipElection> questions) {
  return ElectionByMean(questions).run();
}

}  // namespace barevip::node
