// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/plan/diff.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "ipvsnode/desired/forwarding.h"
#include "ipvsnode/desired/source_ranges.h"

namespace barevip::node {
namespace {

using ipvs::Op;
using ipvs::RealServer;
using ipvs::VirtualServer;
using ipvs::VirtualServerKey;
using net::NetOp;

bool onDummy(const KernelState& kernel, const IpAddress& vip) {
  return kernel.nodeObjects.contains(net::BoundAddress{vip, net::kDummyDevice});
}

bool isOurs(const IpAddress& vip, const KernelState& kernel, const DiffContext& context) {
  return context.placement == Placement::kDirector || onDummy(kernel, vip) ||
         context.vipsBefore.contains(vip);
}

// The kernel keeps a timeout for every virtual server; it counts only for persistent ones.
bool same(const ipvs::VirtualServerOptions& a, const ipvs::VirtualServerOptions& b) {
  if (a.scheduler != b.scheduler || a.flags != b.flags) return false;
  return (a.flags & ipvs::kPersistent) == 0 || a.persistenceSeconds == b.persistenceSeconds;
}

const RealServer* find(const std::vector<RealServer>& servers, const ipvs::RealServerKey& key) {
  const auto it =
      std::lower_bound(servers.begin(), servers.end(), key,
                       [](const RealServer& a, const ipvs::RealServerKey& b) { return a.key < b; });
  return it != servers.end() && it->key == key ? &*it : nullptr;
}

const VirtualServer* find(const DesiredState& desired, const VirtualServerKey& key) {
  const auto it =
      std::lower_bound(desired.virtualServers.begin(), desired.virtualServers.end(), key,
                       [](const VirtualServer& a, const VirtualServerKey& b) { return a.key < b; });
  return it != desired.virtualServers.end() && it->key == key ? &*it : nullptr;
}

// Ours, and nobody wants it any more.
bool isLeftover(const VirtualServerKey& key, const DesiredState& desired, const KernelState& kernel,
                const DiffContext& context) {
  return find(desired, key) == nullptr && isOurs(key.vip, kernel, context);
}

bool isLookedAt(const IpAddress& vip, const DiffContext& context) {
  return context.only == nullptr || context.only->contains(vip);
}

template <class F>
void forEachLookedAt(const KernelState& kernel, const DiffContext& context, F f) {
  const auto& all = kernel.virtualServers;
  if (context.only == nullptr) {
    for (const auto& [key, server] : all) f(key, server);
    return;
  }
  for (const IpAddress& vip : *context.only) {
    for (auto it = all.lower_bound({vip, 0, {}}); it != all.end() && it->first.vip == vip; ++it) {
      f(it->first, it->second);
    }
  }
}

/// Of each kind of item those whose first field is the VIP's.
template <class T, class IsAbout>
void addAbout(const std::set<net::NetObject>& items, T lowest, IsAbout isAbout,
              std::set<net::NetObject>& result) {
  for (auto it = items.lower_bound(lowest); it != items.end(); ++it) {
    const auto* const item = std::get_if<T>(&*it);
    if (item == nullptr || !isAbout(*item)) break;
    result.insert(result.end(), *it);
  }
}

std::set<net::NetObject> lookedAt(const std::set<net::NetObject>& items,
                                  const std::set<IpAddress>& vips) {
  std::set<net::NetObject> result;
  for (const IpAddress& vip : vips) {
    const auto isAddress = [&](const auto& item) { return item.address == vip; };
    addAbout(items, net::BoundAddress{vip, {}}, isAddress, result);
    addAbout(items, net::ProxyNeighbour{vip, {}}, isAddress, result);
    const IpPrefix host = IpPrefix::host(vip);
    addAbout(
        items, net::Route{host, 0, {}, {}},
        [&](const net::Route& route) { return route.destination == host; }, result);
  }
  return result;
}

class IpvsDiff {
 public:
  IpvsDiff(const DesiredState& desired, const KernelState& kernel, const DiffContext& context,
           Plan& plan)
      : desired_(desired), kernel_(kernel), context_(context), plan_(plan) {}

  std::vector<Op> run() {
    for (const VirtualServer& server : desired_.virtualServers) {
      const auto there = kernel_.virtualServers.find(server.key);
      if (there == kernel_.virtualServers.end()) {
        add(server);
      } else {
        converge(server, there->second);
      }
    }
    forEachLookedAt(kernel_, context_, [&](const VirtualServerKey& key, const auto&) {
      if (isLeftover(key, desired_, kernel_, context_)) {
        ops_.push_back({Op::Kind::kDeleteVirtualServer, key, {}, {}, 0});
      }
    });
    for (const auto& [id, since] : context_.draining) {
      if (!isLookedAt(id.first.vip, context_)) drainUntil(id, since);
    }
    return std::move(ops_);
  }

 private:
  void add(const VirtualServer& server) {
    ops_.push_back({Op::Kind::kAddVirtualServer, server.key, server.options, {}, 0});
    for (const RealServer& real : server.realServers) {
      push(Op::Kind::kAddRealServer, server.key, real.key, real.weight);
    }
  }

  void converge(const VirtualServer& wanted, const VirtualServer& there) {
    if (!same(wanted.options, there.options)) {
      ops_.push_back({Op::Kind::kSetVirtualServer, wanted.key, wanted.options, {}, 0});
    }
    for (const RealServer& real : wanted.realServers) {
      const RealServer* found = find(there.realServers, real.key);
      if (found == nullptr) {
        push(Op::Kind::kAddRealServer, wanted.key, real.key, real.weight);
      } else if (!(*found == real)) {
        push(Op::Kind::kSetRealServer, wanted.key, real.key, real.weight);
      }
    }
    for (const RealServer& real : there.realServers) {
      if (find(wanted.realServers, real.key) == nullptr) retire(wanted.key, real);
    }
  }

  void retire(const VirtualServerKey& server, const RealServer& real) {
    if (server.protocol == model::Protocol::kUdp) {
      push(Op::Kind::kDeleteRealServer, server, real.key, 0);
      return;
    }
    const auto id = std::pair(server, real.key);
    if (real.weight != 0) {
      // Never deleted in this step, though it may look idle: a client may have chosen it just now.
      push(Op::Kind::kSetRealServer, server, real.key, 0);
      drainUntil(id, context_.now);
      return;
    }
    const auto known = context_.draining.find(id);
    const MonotonicTime since = known == context_.draining.end() ? context_.now : known->second;
    const bool idle = kernel_.fresh && real.activeConnections == 0 && real.inactiveConnections == 0;
    if (idle || context_.now >= since + context_.drainTimeout) {
      push(Op::Kind::kDeleteRealServer, server, real.key, 0);
      plan_.draining.emplace(id, since);  // the kernel may refuse: then its time is over already
      return;
    }
    drainUntil(id, since);
  }

  void drainUntil(const Draining::key_type& id, MonotonicTime since) {
    plan_.draining.emplace(id, since);
    const MonotonicTime deadline = since + context_.drainTimeout;
    if (!plan_.nextDeadline || deadline < *plan_.nextDeadline) plan_.nextDeadline = deadline;
  }

  void push(Op::Kind kind, const VirtualServerKey& server, const ipvs::RealServerKey& real,
            std::uint32_t weight) {
    ops_.push_back({kind, server, {}, real, weight});
  }

  const DesiredState& desired_;
  const KernelState& kernel_;
  const DiffContext& context_;
  Plan& plan_;
  std::vector<Op> ops_;
};

// Some real servers of it are to take no new connections from now on.
bool losesRealServers(const VirtualServer& there, const VirtualServer& wanted) {
  return std::any_of(there.realServers.begin(), there.realServers.end(),
                     [&](const RealServer& real) {
                       return real.weight != 0 && find(wanted.realServers, real.key) == nullptr;
                     });
}

// What has to stand while IPVS changes. A virtual server that begins to keep clients' addresses
// must first have lost its remote real servers: without masquerading their answers would not come
// back here. And whom source ranges keep out of the real servers that go, or of all of a virtual
// server that goes, must not get in meanwhile.
net::FilterState beforeIpvs(const DesiredState& desired, const KernelState& kernel,
                            const DiffContext& context) {
  net::FilterState state = desired.filter;
  std::erase_if(state.keepClient, [&](const VirtualServerKey& key) {
    if (!isLookedAt(key.vip, context)) return false;
    const auto there = kernel.virtualServers.find(key);
    const VirtualServer* const wanted = find(desired, key);
    return there != kernel.virtualServers.end() && wanted != nullptr &&
           losesRealServers(there->second, *wanted);
  });
  static const std::vector<net::SourceRanges> none;
  const auto* const remembered =
      kernel.filter ? &kernel.filter->sourceRanges : context.rangesBefore;
  const auto& before = remembered == nullptr ? none : *remembered;
  std::vector<net::SourceRanges> kept;  // ascending, as the table is
  forEachLookedAt(kernel, context, [&](const VirtualServerKey& key, const VirtualServer& there) {
    const VirtualServer* const wanted = find(desired, key);
    const net::SourceRanges* const old = findRanges(before, key);
    if (isLeftover(key, desired, kernel, context)) {
      if (old != nullptr) kept.push_back(*old);
      if (remembered == nullptr) kept.push_back({key, {}});  // it is not known who may: nobody
      return;
    }
    if (old == nullptr || wanted == nullptr || !losesRealServers(there, *wanted)) return;
    const net::SourceRanges* const next = findRanges(state.sourceRanges, key);
    kept.push_back({key, next == nullptr ? old->allowed : narrower(old->allowed, next->allowed)});
  });
  keepRanges(state, std::move(kept));
  return state;
}

// Backwards: a rule goes before the route that it leads to, a route before the address.
template <class Filter>
std::vector<LinkChange> deletesOf(const std::set<net::NetObject>& there, Filter goes) {
  std::vector<LinkChange> changes;
  for (auto it = there.rbegin(); it != there.rend(); ++it) {
    if (goes(*it)) changes.push_back({{NetOp::Kind::kDelete, *it}, whoseIs(*it)});
  }
  return changes;
}

template <class Filter>
std::vector<LinkChange> addsOf(const NetObjects& wanted, const std::set<net::NetObject>& there,
                               Filter filter) {
  std::vector<LinkChange> changes;
  for (const auto& [item, beneficiary] : wanted) {
    if (filter(item) && !there.contains(item)) {
      changes.push_back({{NetOp::Kind::kAdd, item}, beneficiary});
    }
  }
  return changes;
}

std::vector<LinkChange> announcementsOf(const DesiredState& desired, const KernelState& kernel) {
  std::vector<LinkChange> changes;
  for (const auto& [vip, item] : desired.announcements) {
    if (!kernel.nodeObjects.contains(item)) changes.push_back({{NetOp::Kind::kAdd, item}, vip});
  }
  return changes;
}

bool isAddress(const net::NetObject& item) {
  return std::holds_alternative<net::BoundAddress>(item);
}
bool isRouteOrRule(const net::NetObject& item) { return !isAddress(item); }

// The director's own plumbing (transfer addresses, default routes) is made by init and not ours to
// compare.
bool isDirectorVip(const net::NetObject& item) {
  const auto* address = std::get_if<net::BoundAddress>(&item);
  return address != nullptr && address->device == kDirectorDevice;
}

void push(std::vector<Step>& steps, NetStep step) {
  if (!step.changes.empty()) steps.emplace_back(std::move(step));
}

}  // namespace

void keepRanges(net::FilterState& state, std::vector<net::SourceRanges> kept) {
  if (kept.empty()) return;
  const auto less = [](const net::SourceRanges& a, const net::SourceRanges& b) {
    return a.virtualServer < b.virtualServer;
  };
  std::vector<net::SourceRanges> all;
  // Of equals those of the first.
  std::set_union(std::move_iterator(kept.begin()), std::move_iterator(kept.end()),
                 std::move_iterator(state.sourceRanges.begin()),
                 std::move_iterator(state.sourceRanges.end()), std::back_inserter(all), less);
  state.sourceRanges = std::move(all);
}

void forgetGone(Draining& draining, const KernelState& kernel) {
  std::erase_if(draining, [&](const auto& entry) {
    const auto& [server, real] = entry.first;
    const auto there = kernel.virtualServers.find(server);
    return there == kernel.virtualServers.end() || find(there->second.realServers, real) == nullptr;
  });
}

bool hasVirtualServers(const KernelState& kernel, const IpAddress& vip) {
  const auto first = kernel.virtualServers.lower_bound({vip, 0, {}});
  return first != kernel.virtualServers.end() && first->first.vip == vip;
}

void applyTo(KernelState& state, const Op& op) {
  state.fresh = false;
  if (op.kind == Op::Kind::kAddVirtualServer) {
    auto& server = state.virtualServers[op.virtualServer];
    server.key = op.virtualServer;
    server.options = op.options;
    return;
  }
  if (op.kind == Op::Kind::kDeleteVirtualServer) {
    state.virtualServers.erase(op.virtualServer);
    return;
  }
  const auto server = state.virtualServers.find(op.virtualServer);
  if (server == state.virtualServers.end()) return;
  if (op.kind == Op::Kind::kSetVirtualServer) {
    server->second.options = op.options;
    return;
  }
  auto& reals = server->second.realServers;
  const auto at =
      std::lower_bound(reals.begin(), reals.end(), op.realServer,
                       [](const RealServer& a, const ipvs::RealServerKey& b) { return a.key < b; });
  const bool there = at != reals.end() && at->key == op.realServer;
  if (op.kind == Op::Kind::kDeleteRealServer) {
    if (there) reals.erase(at);
  } else if (there) {
    at->weight = op.weight;
    at->foreignMethod = false;
  } else {
    reals.insert(at, RealServer{op.realServer, op.weight});
  }
}

void applyTo(std::set<net::NetObject>& items, const NetOp& op) {
  if (op.kind == NetOp::Kind::kAdd) {
    items.insert(op.item);
  } else {
    items.erase(op.item);
  }
}

Beneficiary whoseIs(const net::NetObject& item) {
  if (const auto* address = std::get_if<net::BoundAddress>(&item)) return address->address;
  if (const auto* neighbour = std::get_if<net::ProxyNeighbour>(&item)) return neighbour->address;
  if (const auto* rule = std::get_if<net::Rule>(&item)) return rule->family;
  const IpPrefix& destination = std::get<net::Route>(item).destination;
  if (destination == IpPrefix::host(destination.network)) return destination.network;
  return destination.network.family();
}

std::set<IpAddress> Plan::vips() const {
  std::set<IpAddress> result;
  for (const Step& step : steps) {
    if (const auto* ipvs = std::get_if<IpvsStep>(&step)) {
      for (const Op& op : ipvs->ops) result.insert(op.virtualServer.vip);
    } else if (const auto* links = std::get_if<NetStep>(&step)) {
      for (const LinkChange& change : links->changes) {
        if (const auto* vip = std::get_if<IpAddress>(&change.beneficiary)) result.insert(*vip);
      }
    }
  }
  return result;
}

Plan diff(const DesiredState& desired, const KernelState& kernel, const DiffContext& context) {
  using Where = NetStep::Where;
  using Purpose = NetStep::Purpose;
  Plan plan;
  const bool some = context.only != nullptr;
  const std::set<net::NetObject> someOnNode =
      some ? lookedAt(kernel.nodeObjects, *context.only) : std::set<net::NetObject>{};
  const std::set<net::NetObject> someInDirector =
      some ? lookedAt(kernel.balancerObjects, *context.only) : std::set<net::NetObject>{};
  const std::set<net::NetObject>& onNode = some ? someOnNode : kernel.nodeObjects;
  const std::set<net::NetObject>& inDirector = some ? someInDirector : kernel.balancerObjects;
  std::set<net::NetObject> announced;
  for (const auto& [vip, item] : desired.announcements) announced.insert(item);
  push(plan.steps,
       {Where::kNode, Purpose::kAnnounce, deletesOf(onNode, [&](const net::NetObject& item) {
          return isAnnouncement(item) && !announced.contains(item);
        })});

  const net::FilterState early = beforeIpvs(desired, kernel, context);
  if (kernel.filter != early) plan.steps.emplace_back(FilterStep{early});

  push(plan.steps, {Where::kDirector, Purpose::kForward,
                    addsOf(desired.balancerObjects, inDirector, isDirectorVip)});
  push(plan.steps,
       {Where::kNode, Purpose::kForward, addsOf(desired.nodeObjects, onNode, isAddress)});

  if (!ipvs::fulfils(kernel.timeouts, desired.timeouts)) {
    plan.steps.emplace_back(TimeoutsStep{desired.timeouts});
  }
  auto ipvsOps = IpvsDiff(desired, kernel, context, plan).run();
  if (!ipvsOps.empty()) plan.steps.emplace_back(IpvsStep{std::move(ipvsOps)});
  if (!(early == desired.filter)) plan.steps.emplace_back(FilterStep{desired.filter});

  push(plan.steps,
       {Where::kNode, Purpose::kForward, addsOf(desired.nodeObjects, onNode, isRouteOrRule)});
  push(plan.steps, {Where::kNode, Purpose::kAnnounce, announcementsOf(desired, kernel)});

  push(plan.steps,
       {Where::kNode, Purpose::kForward, deletesOf(onNode, [&](const net::NetObject& item) {
          return !isAnnouncement(item) && !desired.nodeObjects.contains(item);
        })});
  push(plan.steps,
       {Where::kDirector, Purpose::kForward, deletesOf(inDirector, [&](const net::NetObject& item) {
          return isDirectorVip(item) && !desired.balancerObjects.contains(item);
        })});
  return plan;
}

std::map<IpAddress, std::string> foreignHolders(const KernelState& kernel,
                                                const std::vector<net::BoundAddress>& addresses,
                                                const DiffContext& context) {
  std::map<IpAddress, std::string> result;
  for (const net::BoundAddress& address : addresses) {
    if (kernel.nodeObjects.contains(address)) continue;
    const auto [at, isNew] = result.emplace(address.address, heldBy(address.device));
    // What kube-proxy holds, it may hold for us: any other device counts more.
    if (!isNew && at->second == heldBy(kKubeProxyDevice)) at->second = heldBy(address.device);
  }
  for (const auto& [key, server] : kernel.virtualServers) {
    if (isOurs(key.vip, kernel, context)) continue;
    result.emplace(key.vip, "the virtual server " + ipvs::toString(key));
  }
  return result;
}

}  // namespace barevip::node
