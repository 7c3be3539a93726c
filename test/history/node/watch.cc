// SPDX-License-Identifier: Apache-2.0
#include "history/node/watch.h"

#include <algorithm>

#include "history/node/daemon.h"
#include "history/node/known_faults.h"
#include "history/node/names.h"

namespace barevip::node::history {
namespace {

using std::chrono::seconds;

/// What is refused is tried again after 30 s at most.
constexpr seconds kLongestRetry{31};

template <class Range, class Value>
bool has(const Range& range, const Value& value) {
  return std::find(range.begin(), range.end(), value) != range.end();
}

bool same(const ipvs::VirtualServerOptions& a, const ipvs::VirtualServerOptions& b) {
  const bool persistent = (a.flags & 1U) != 0;
  return a.scheduler == b.scheduler && a.flags == b.flags &&
         (!persistent || a.persistenceSeconds == b.persistenceSeconds);
}

const ipvs::RealServer* realOf(const ipvs::VirtualServer& server, const ipvs::RealServerKey& key) {
  for (const ipvs::RealServer& real : server.realServers) {
    if (real.key == key) return &real;
  }
  return nullptr;
}

const std::vector<IpPrefix>* sourcesIn(const std::optional<net::FilterState>& filter,
                                       const ipvs::VirtualServerKey& key) {
  if (!filter) return nullptr;
  for (const net::SourceRanges& one : filter->sourceRanges) {
    if (one.virtualServer == key) return &one.allowed;
  }
  return nullptr;
}

/// Lets nobody in whom `wide` keeps out. Networks of these histories do not overlap.
bool isWithin(const std::vector<IpPrefix>& narrow, const std::vector<IpPrefix>& wide) {
  return std::all_of(narrow.begin(), narrow.end(),
                     [&](const IpPrefix& prefix) { return has(wide, prefix); });
}

bool isUdp(const ipvs::VirtualServerKey& key) { return key.protocol == model::Protocol::kUdp; }

}  // namespace

Watch::Watch(const Clock& clock, MonotonicTime start, Machine& machine, Pick node,
             std::vector<std::string>& broken)
    : clock_(clock),
      start_(start),
      machine_(machine),
      node_(node),
      broken_(broken),
      begun_(clock.now()) {
  machine_.observer = this;
}

void Watch::begin() {
  begun_ = clock_.now();
  drainsSince_.clear();
  knows(nullptr);
}

void Watch::knows(std::shared_ptr<const Cluster> cluster) {
  known_ = std::move(cluster);
  wanted_.reset();
}

void Watch::complain(const std::string& rule, const std::string& sentence) {
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - start_);
  broken_.push_back(rule + ": " + nodeName(node_) + " at " + std::to_string(time.count()) +
                    " ms: " + sentence);
}

const WantedNode& Watch::wanted() {
  std::set<IpAddress> held = machine_.held();
  if (!wanted_ || held != heldThen_) {
    wanted_ = wantedOn(*known_, {node_, machine_.lacksMh, held});
    heldThen_ = std::move(held);
  }
  return *wanted_;
}

const WantedVip* Watch::wantedVip(const IpAddress& vip) {
  const auto& vips = wanted().vips;
  const auto found = vips.find(vip);
  return found == vips.end() ? nullptr : &found->second;
}

const WantedServer* Watch::wantedServer(const ipvs::VirtualServerKey& key) {
  const WantedVip* const vip = wantedVip(key.vip);
  if (vip == nullptr) return nullptr;
  const auto found = vip->servers.find(key);
  return found == vip->servers.end() ? nullptr : &found->second;
}

bool Watch::isWell() const {
  return known_ && !machine_.dead && !machine_.lacked && !machine_.unseen.any() &&
         (!machine_.refused || clock_.now() > *machine_.refused + kLongestRetry);
}

void Watch::before(const ipvs::Op& op) {
  if (!known_) return complain("touched", "writes before it knows the cluster: " + toString(op));
  if (machine_.isForeign(op.virtualServer)) return complain("foreign", toString(op));
  if (machine_.unseen.ipvs || machine_.unseen.node) return;
  const std::vector<ipvs::VirtualServer> table = machine_.ipvs.table();
  const ipvs::VirtualServer* there = nullptr;
  for (const ipvs::VirtualServer& server : table) {
    if (server.key == op.virtualServer) there = &server;
  }
  judgeServer(op, there);
  judgeReal(op, there);
  judgeGuard(op);
}

void Watch::judgeServer(const ipvs::Op& op, const ipvs::VirtualServer* there) {
  using Kind = ipvs::Op::Kind;
  const WantedServer* const server = wantedServer(op.virtualServer);
  switch (op.kind) {
    case Kind::kAddVirtualServer:
      if (there != nullptr) complain("touched", "is there already: " + toString(op));
      [[fallthrough]];
    case Kind::kSetVirtualServer:
      if (server == nullptr) return complain("equal", "nobody wants it: " + toString(op));
      if (!same(op.options, server->options)) complain("equal", "not as wanted: " + toString(op));
      if (op.kind == Kind::kSetVirtualServer && there != nullptr &&
          same(there->options, op.options)) {
        complain("touched", "is so already: " + toString(op));
      }
      return;
    case Kind::kDeleteVirtualServer:
      if (server != nullptr && wantedVip(op.virtualServer.vip)->recorded) {
        complain("kept", "it is wanted: " + toString(op));
      }
      return;
    default:
      return;
  }
}

void Watch::judgeReal(const ipvs::Op& op, const ipvs::VirtualServer* there) {
  using Kind = ipvs::Op::Kind;
  const bool adds = op.kind == Kind::kAddRealServer;
  const bool sets = op.kind == Kind::kSetRealServer;
  if (!adds && !sets && op.kind != Kind::kDeleteRealServer) return;
  const WantedServer* const server = wantedServer(op.virtualServer);
  const bool isWanted = server != nullptr && server->reals.contains(op.realServer);
  const RealId id(op.virtualServer, op.realServer);
  const ipvs::RealServer* const real = there == nullptr ? nullptr : realOf(*there, op.realServer);
  if (adds || sets) {
    if (real != nullptr && real->weight == op.weight) {
      complain("touched", "is so already: " + toString(op));
    }
    if (op.weight > 0 && !isWanted) complain("equal", "nobody wants it: " + toString(op));
    if (op.weight == 0 && isWanted) complain("kept", "it is wanted: " + toString(op));
    if (op.weight == 0) drainsSince_[id] = clock_.now();
    return;
  }
  if (isWanted) complain("kept", "it is wanted: " + toString(op));
  if (real == nullptr || isUdp(op.virtualServer)) return;
  if (real->weight > 0) complain("drained", "takes connections until now: " + toString(op));
  if (isConnected(id, *real)) complain("drained", "clients are connected: " + toString(op));
}

// And has its time still.
bool Watch::isConnected(const RealId& id, const ipvs::RealServer& real) const {
  const auto since = drainsSince_.find(id);
  const MonotonicTime begin = since == drainsSince_.end() ? begun_ : since->second;
  return real.activeConnections > 0 && clock_.now() < begin + kDrainTimeout;
}

// Whom the Service keeps out must not get in, nor lose the way back for want of masquerading.
void Watch::judgeGuard(const ipvs::Op& op) {
  using Kind = ipvs::Op::Kind;
  const bool opens =
      op.kind == Kind::kAddVirtualServer ||
      ((op.kind == Kind::kAddRealServer || op.kind == Kind::kSetRealServer) && op.weight > 0);
  const WantedServer* const server = wantedServer(op.virtualServer);
  if (!opens || server == nullptr || machine_.unseen.filter) return;
  if (server->sources) {
    const auto* const now = sourcesIn(machine_.filter, op.virtualServer);
    if (now == nullptr || !isWithin(*now, *server->sources)) {
      complain("guarded", "source ranges are not in force: " + toString(op));
    }
  }
  if (kTakesUnknownFilterForEmpty && !machine_.knewFilter()) return;
  const bool keeps = machine_.filter && has(machine_.filter->keepClient, op.virtualServer);
  if (keeps && op.kind != Kind::kAddVirtualServer && !server->keepsClient) {
    complain("guarded", "answers would go another way: " + toString(op));
  }
}

void Watch::before(const net::NetOp& op, bool balancer) {
  const bool adds = op.kind == net::NetOp::Kind::kAdd;
  const std::string text = (adds ? "add " : "delete ") + net::toString(op.item);
  if (!known_) return complain("touched", "writes before it knows the cluster: " + text);
  if (!balancer && !adds && has(machine_.foreignObjects, op.item)) return complain("foreign", text);
  // What else holds the VIP on the node counts for both.
  if (machine_.unseen.node || (balancer && machine_.unseen.balancer)) return;
  const auto owned = (balancer ? machine_.balancer : machine_.node).owned();
  if (adds && has(owned, op.item)) complain("touched", "is there already: " + text);
  const auto address = vipOfItem(op.item);
  const WantedVip* const vip = address ? wantedVip(*address) : nullptr;
  if (vip != nullptr && !balancer && vip->announcement == op.item) {
    if (!adds) return;
    if (machine_.unseen.any()) return;
    const std::string lack = lacks(*address, *vip, false);
    if (!lack.empty()) complain("served", "announces " + address->toString() + " without " + lack);
    machine_.spoken.erase(*address);
    return;
  }
  const bool isWanted = balancer ? vip != nullptr && vip->balancerItems.contains(op.item)
                                 : wanted().plumbing.contains(op.item) ||
                                       (vip != nullptr && vip->nodeObjects.contains(op.item));
  if (adds && !isWanted) complain("equal", "nobody wants it: " + text);
  if (!adds && isWanted && (vip == nullptr || vip->recorded)) {
    complain("kept", "it is wanted: " + text);
  }
}

void Watch::before(const net::FilterState& next) {
  if (!known_) return complain("touched", "writes the filter before it knows the cluster");
  if (machine_.unseen.any()) return;
  for (const ipvs::VirtualServer& server : machine_.ipvs.table()) {
    const bool takes = std::any_of(server.realServers.begin(), server.realServers.end(),
                                   [](const auto& real) { return real.weight > 0; });
    if (!takes) continue;
    const WantedServer* const wish = wantedServer(server.key);
    if (wish == nullptr && sourcesIn(machine_.filter, server.key) != nullptr &&
        sourcesIn(next, server.key) == nullptr) {
      complain("guarded", "lets everybody to what is left of " + toString(server.key));
    }
    if (wish == nullptr || !has(next.keepClient, server.key)) continue;
    for (const ipvs::RealServer& real : server.realServers) {
      if (real.weight > 0 && runsElsewhere(*known_, node_, real.key.address)) {
        complain("guarded", "answers of " + real.key.address.toString() + " would go another way");
      }
    }
  }
}

std::string Watch::serverLacks(const ipvs::VirtualServerKey& key, const WantedServer& wanted,
                               bool exact) const {
  const std::vector<ipvs::VirtualServer> table = machine_.ipvs.table();
  const auto there = std::find_if(table.begin(), table.end(),
                                  [&](const auto& server) { return server.key == key; });
  if (there == table.end()) return toString(key);
  if (exact && !same(there->options, wanted.options)) return "options of " + toString(key);
  std::size_t working = 0;
  for (const ipvs::RealServerKey& real : wanted.reals) {
    const auto* const found = realOf(*there, real);
    if (found != nullptr && found->weight > 0) ++working;
  }
  const std::size_t least =
      exact ? wanted.reals.size() : std::min<std::size_t>(wanted.reals.size(), 1);
  return working < least ? "real servers of " + toString(key) : "";
}

std::string Watch::filterLacks(const IpAddress& vip, const WantedVip& wanted, bool exact) const {
  if (!machine_.filter) return "the packet filter";
  const net::FilterState& filter = *machine_.filter;
  if (!has(filter.vips, vip)) return "itself in the packet filter";
  for (const auto& [key, server] : wanted.servers) {
    if (!has(filter.virtualServers, key)) return toString(key) + " in the packet filter";
    // With masquerading it is served, too, while a real server that should go does not.
    const bool keeps = has(filter.keepClient, key);
    if (keeps != server.keepsClient && (keeps || exact)) return "the way back of " + toString(key);
    const auto* const now = sourcesIn(machine_.filter, key);
    if ((now != nullptr) != server.sources.has_value()) return "source ranges of " + toString(key);
    if (now != nullptr && *now != *server.sources) return "source ranges of " + toString(key);
  }
  return "";
}

std::string Watch::lacks(const IpAddress& vip, const WantedVip& wish, bool exact) {
  if (wish.byKubeProxy) return "";
  const auto owned = machine_.node.owned();
  const auto inBalancer = machine_.balancer.owned();
  for (const net::NetObject& item : wish.balancerItems) {
    if (!has(inBalancer, item)) return net::toString(item) + " in the balancer namespace";
  }
  for (const net::NetObject& item : wish.nodeObjects) {
    if (!has(owned, item)) return net::toString(item);
  }
  for (const net::NetObject& item : wanted().plumbing) {
    const auto* const rule = std::get_if<net::Rule>(&item);
    const Family family =
        rule != nullptr ? rule->family : std::get<net::Route>(item).destination.network.family();
    if (family == vip.family() && !has(owned, item)) return net::toString(item);
  }
  for (const auto& [key, server] : wish.servers) {
    if (std::string lack = serverLacks(key, server, exact); !lack.empty()) return lack;
  }
  return filterLacks(vip, wish, exact);
}

void Watch::afterPass() {
  std::vector<net::NetObject> foreign = machine_.foreignObjects;
  std::sort(foreign.begin(), foreign.end());
  if (machine_.node.foreign() != foreign) complain("foreign", "something of others is gone");
  for (const ipvs::VirtualServer& server : machine_.foreignServers) {
    if (!has(machine_.ipvs.table(), server)) complain("foreign", toString(server.key) + " changed");
  }
  if (isWell()) compare();
}

void Watch::calm() {
  if (!isWell()) return complain("equal", "something fails all the time");
  compare();
  for (const auto& [vip, wish] : wanted().vips) {
    if (machine_.announces(vip) && !machine_.spoken.contains(vip)) {
      complain("served", "neighbours were not told of " + vip.toString());
    }
  }
  for (const ipvs::VirtualServer& server : machine_.ipvs.table()) {
    for (const ipvs::RealServer& real : server.realServers) {
      if (real.weight == 0) complain("left", "a drained real server of " + toString(server.key));
    }
  }
}

/// VIPs of which something is in the kernel that forwards.
std::set<IpAddress> Watch::present() {
  std::set<IpAddress> result;
  for (const auto& server : machine_.ipvs.table()) {
    if (!machine_.isForeign(server.key)) result.insert(server.key.vip);
  }
  for (const auto* links : {&machine_.node, &machine_.balancer}) {
    for (const net::NetObject& item : links->owned()) {
      const auto vip = vipOfItem(item);
      const WantedVip* const wish = vip ? wantedVip(*vip) : nullptr;
      if (wish != nullptr && wish->announcement != item) result.insert(*vip);
    }
  }
  return result;
}

void Watch::compare() {
  std::set<IpAddress> there = present();
  for (const auto& [vip, wish] : wanted().vips) {
    const bool announced = machine_.announces(vip);
    // What no record names may be left out, but not by halves.
    if (!wish.recorded && !announced && !there.contains(vip)) continue;
    there.insert(vip);
    const std::string lack = lacks(vip, wish, true);
    if (lack.empty()) continue;
    complain(announced ? "served" : "equal", vip.toString() + " lacks " + lack);
  }
  compareServers();
  compareObjects();
  compareFilter(there);
  const ipvs::Timeouts timeouts{seconds(7260), seconds(120), seconds(300)};
  if (!machine_.host && machine_.ipvs.timeouts().value() != timeouts) {
    complain("equal", "other timeouts");
  }
}

void Watch::compareServers() {
  for (const ipvs::VirtualServer& server : machine_.ipvs.table()) {
    if (machine_.isForeign(server.key)) continue;
    const WantedServer* const wish = wantedServer(server.key);
    if (wish == nullptr) {
      complain("left", toString(server.key));
      continue;
    }
    for (const ipvs::RealServer& real : server.realServers) {
      if (wish->reals.contains(real.key)) {
        if (real.weight != 1)
          complain("equal", "weight of a real server of " + toString(server.key));
        continue;
      }
      const auto since = drainsSince_.find({server.key, real.key});
      const bool late = since != drainsSince_.end() && clock_.now() > since->second + kDrainTimeout;
      if (real.weight > 0 || isUdp(server.key) || late) {
        complain("left", real.key.address.toString() + " of " + toString(server.key));
      }
    }
  }
}

void Watch::compareObjects() {
  for (const bool balancer : {false, true}) {
    for (const net::NetObject& item : (balancer ? machine_.balancer : machine_.node).owned()) {
      const auto vip = vipOfItem(item);
      const WantedVip* const wish = vip ? wantedVip(*vip) : nullptr;
      const bool isWanted = wish == nullptr ? !balancer && wanted().plumbing.contains(item)
                            : balancer
                                ? wish->balancerItems.contains(item)
                                : wish->nodeObjects.contains(item) || wish->announcement == item;
      if (!isWanted) complain("left", net::toString(item));
    }
  }
}

void Watch::compareFilter(const std::set<IpAddress>& there) {
  if (!machine_.filter) return complain("equal", "no packet filter");
  net::FilterState expected;
  for (const auto& [vip, wish] : wanted().vips) {
    if (wish.byKubeProxy || !there.contains(vip)) continue;
    expected.vips.push_back(vip);
    for (const auto& [key, server] : wish.servers) {
      expected.virtualServers.push_back(key);
      if (server.keepsClient) expected.keepClient.push_back(key);
      if (server.sources) expected.sourceRanges.push_back({key, *server.sources});
    }
  }
  if (!(*machine_.filter == expected)) complain("equal", "the packet filter differs");
}

}  // namespace barevip::node::history
