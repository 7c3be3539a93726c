// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/ownership.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace barevip::node {
namespace {

std::map<std::string, IpAddress> addressesOf(
    const std::vector<std::shared_ptr<const model::Node>>& nodes) {
  std::map<std::string, IpAddress> result;
  for (const auto& node : nodes) {
    const auto& all = node->internalIps;
    if (all.empty()) continue;
    const auto ipv4 =
        std::find_if(all.begin(), all.end(), [](const IpAddress& a) { return a.isIpv4(); });
    result.emplace(node->key.name, ipv4 == all.end() ? all.front() : *ipv4);
  }
  return result;
}

/// Equal in value: a store replaces what is written again.
template <class T>
bool same(const std::vector<std::shared_ptr<const T>>& a,
          const std::vector<std::shared_ptr<const T>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x == y || *x == *y; });
}

/// Beyond so many VIPs it costs less to ask for all.
constexpr std::size_t kFew = 64;

/// As far as a takeover depends on it.
bool alike(const LiveView& a, const LiveView& b) {
  return a.established == b.established && a.settled == b.settled && a.live == b.live &&
         a.leaving == b.leaving && a.onHold == b.onHold;
}

}  // namespace

void Ownership::see(const std::vector<std::shared_ptr<const model::Node>>& nodes) {
  if (same(nodes_, nodes)) return;
  nodes_ = nodes;
  nodeAddresses_ = addressesOf(nodes_);
  nodesChanged_ = true;
}

Ownership::Outcome Ownership::follow(const OwnershipSources& sources, MonotonicTime now) {
  const bool questionsChanged = ask(sources);
  const Election election = electionOf(sources.nodes.live);
  if (questionsChanged || election != election_) {
    election_ = election;
    owners_ = elect(questions_, election);
  }
  const bool isDue = decision_.next && now >= *decision_.next;
  const bool again = questionsChanged || answered_ || isDue || sources.announcedChanged ||
                     !alike(view_, sources.nodes) ||
                     addressesAreOnTheWire_ != sources.addressesAreOnTheWire;
  view_ = sources.nodes;
  addressesAreOnTheWire_ = sources.addressesAreOnTheWire;
  answered_ = false;
  if (!again) {
    decision_.ask.clear();
    return {};
  }
  const std::set<IpAddress> before = std::move(decision_.announce);
  decision_ = takeover_.decide({self_, questions_, owners_, sources.nodes, nodeAddresses_,
                                sources.announced, sources.addressesAreOnTheWire},
                               now);
  Outcome outcome{true};
  std::set_symmetric_difference(before.begin(), before.end(), decision_.announce.begin(),
                                decision_.announce.end(),
                                std::inserter(outcome.changed, outcome.changed.end()));
  return outcome;
}

void Ownership::answered(const IpAddress& address, std::optional<std::string> mac,
                         MonotonicTime now) {
  takeover_.answered(address, std::move(mac), now);
  answered_ = true;
}

bool Ownership::isMine(const IpAddress& vip) const {
  const auto owner = owners_.find(vip);
  return owner != owners_.end() && owner->second == self_;
}

bool Ownership::ask(const OwnershipSources& sources) {
  const ClusterState& cluster = sources.vips.cluster();
  const bool nodesChanged = std::exchange(nodesChanged_, false);
  const bool all = !std::exchange(asked_, true) || nodesChanged || !same(pools_, cluster.pools) ||
                   view_.live != sources.nodes.live || sources.changed.size() > kFew;
  if (!all) return askAgain(sources);
  pools_ = cluster.pools;
  return askAll(sources) || nodesChanged;
}

bool Ownership::askAll(const OwnershipSources& sources) {
  std::vector<const ServedVip*> vips;
  for (const auto& [address, vip] : sources.vips.all()) vips.push_back(&vip.served);
  std::vector<VipElection> questions =
      electionsFor(vips, sources.vips.cluster(), sources.nodes.live);
  const bool changed = questions != questions_;
  questions_ = std::move(questions);
  return changed;
}

bool Ownership::askAgain(const OwnershipSources& sources) {
  if (sources.changed.empty()) return false;
  const auto& all = sources.vips.all();
  std::vector<const ServedVip*> vips;
  for (const IpAddress& address : sources.changed) {
    if (const auto vip = all.find(address); vip != all.end()) vips.push_back(&vip->second.served);
  }
  std::vector<VipElection> news = electionsFor(vips, sources.vips.cluster(), sources.nodes.live);
  bool changed = false;
  auto next = news.begin();
  for (const IpAddress& address : sources.changed) {
    const auto at = std::lower_bound(
        questions_.begin(), questions_.end(), address,
        [](const VipElection& question, const IpAddress& vip) { return question.vip < vip; });
    const bool isThere = at != questions_.end() && at->vip == address;
    const bool isVip = next != news.end() && next->vip == address;
    changed = changed || isThere != isVip || (isThere && !(*at == *next));
    if (isThere && isVip) {
      *at = std::move(*next);
    } else if (isThere) {
      questions_.erase(at);
    } else if (isVip) {
      questions_.insert(at, std::move(*next));
    }
    if (isVip) ++next;
  }
  return changed;
}

}  // namespace barevip::node
