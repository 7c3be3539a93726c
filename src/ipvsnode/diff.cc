// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/diff.h"

#include <algorithm>
#include <iterator>

namespace barevip::node {
namespace {

using ipvs::Op;
using ipvs::RealServer;
using ipvs::VirtualServer;
using ipvs::VirtualServerKey;
using net::LinkOp;

bool onDummy(const KernelState& kernel, const IpAddress& vip) {
  return kernel.nodeItems.contains(net::BoundAddress{vip, host::kDummyDevice});
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

class IpvsDiff {
 public:
  IpvsDiff(const DesiredState& desired, const KernelState& kernel, const DiffContext& context,
           Plan& plan)
      : desired_(desired), kernel_(kernel), context_(context), plan_(plan) {}

  std::vector<Op> run() {
    std::set<VirtualServerKey> wanted;
    for (const VirtualServer& server : desired_.virtualServers) {
      wanted.insert(server.key);
      const auto there = kernel_.virtualServers.find(server.key);
      if (there == kernel_.virtualServers.end()) {
        add(server);
      } else {
        converge(server, there->second);
      }
    }
    for (const auto& [key, server] : kernel_.virtualServers) {
      if (wanted.contains(key) || !isOurs(key.vip, kernel_, context_)) continue;
      ops_.push_back({Op::Kind::kDeleteVirtualServer, key, {}, {}, 0});
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

// A virtual server that begins to keep clients' addresses must first have lost its remote real
// servers: without masquerading their answers would not come back here.
net::FilterState beforeIpvs(const DesiredState& desired, const KernelState& kernel) {
  net::FilterState state = desired.filter;
  std::erase_if(state.keepClient, [&](const VirtualServerKey& key) {
    const auto there = kernel.virtualServers.find(key);
    if (there == kernel.virtualServers.end()) return false;
    const auto wanted = std::lower_bound(
        desired.virtualServers.begin(), desired.virtualServers.end(), key,
        [](const VirtualServer& a, const VirtualServerKey& b) { return a.key < b; });
    if (wanted == desired.virtualServers.end() || wanted->key != key) return false;
    return std::any_of(there->second.realServers.begin(), there->second.realServers.end(),
                       [&](const RealServer& real) {
                         return real.weight != 0 && find(wanted->realServers, real.key) == nullptr;
                       });
  });
  return state;
}

void appendAdds(std::vector<LinkOp>& ops, const std::set<net::Item>& wanted,
                const std::set<net::Item>& there, bool (*filter)(const net::Item&)) {
  for (const net::Item& item : wanted) {
    if (filter(item) && !there.contains(item)) ops.push_back({LinkOp::Kind::kAdd, item});
  }
}

// Backwards: a rule goes before the route that it leads to, a route before the address.
void appendDeletes(std::vector<LinkOp>& ops, const std::set<net::Item>& wanted,
                   const std::set<net::Item>& there, bool (*filter)(const net::Item&)) {
  for (auto it = there.rbegin(); it != there.rend(); ++it) {
    if (filter(*it) && !wanted.contains(*it)) ops.push_back({LinkOp::Kind::kDelete, *it});
  }
}

bool isForwardingAddress(const net::Item& item) {
  return std::holds_alternative<net::BoundAddress>(item) && !isAnnouncement(item);
}
bool isRouteOrRule(const net::Item& item) {
  return std::holds_alternative<net::Route>(item) || std::holds_alternative<net::Rule>(item);
}
bool isForwarding(const net::Item& item) { return !isAnnouncement(item); }

// The director's own plumbing (transfer addresses, default routes) is made by init and not ours to
// compare.
bool isDirectorVip(const net::Item& item) {
  const auto* address = std::get_if<net::BoundAddress>(&item);
  return address != nullptr && address->device == kDirectorDevice;
}

void push(std::vector<Step>& steps, LinksStep::Where where, std::vector<LinkOp> ops) {
  if (!ops.empty()) steps.emplace_back(LinksStep{where, std::move(ops)});
}

}  // namespace

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

void applyTo(std::set<net::Item>& items, const LinkOp& op) {
  if (op.kind == LinkOp::Kind::kAdd) {
    items.insert(op.item);
  } else {
    items.erase(op.item);
  }
}

Plan diff(const DesiredState& desired, const KernelState& kernel, const DiffContext& context) {
  Plan plan;
  const auto& announced = desired.announcements;
  std::vector<LinkOp> ops;
  appendDeletes(ops, announced, kernel.nodeItems, isAnnouncement);
  push(plan.steps, LinksStep::Where::kNode, std::move(ops));

  const net::FilterState early = beforeIpvs(desired, kernel);
  if (kernel.filter != early) plan.steps.emplace_back(FilterStep{early});

  ops.clear();
  appendAdds(ops, desired.directorItems, kernel.directorItems, isDirectorVip);
  push(plan.steps, LinksStep::Where::kDirector, std::move(ops));
  ops.clear();
  appendAdds(ops, desired.nodeItems, kernel.nodeItems, isForwardingAddress);
  push(plan.steps, LinksStep::Where::kNode, std::move(ops));

  auto ipvsOps = IpvsDiff(desired, kernel, context, plan).run();
  if (!ipvsOps.empty()) plan.steps.emplace_back(IpvsStep{std::move(ipvsOps)});
  if (!(early == desired.filter)) plan.steps.emplace_back(FilterStep{desired.filter});

  ops.clear();
  appendAdds(ops, desired.nodeItems, kernel.nodeItems, isRouteOrRule);
  push(plan.steps, LinksStep::Where::kNode, std::move(ops));
  ops.clear();
  appendAdds(ops, announced, kernel.nodeItems, isAnnouncement);
  push(plan.steps, LinksStep::Where::kNode, std::move(ops));

  ops.clear();
  appendDeletes(ops, desired.nodeItems, kernel.nodeItems, isForwarding);
  push(plan.steps, LinksStep::Where::kNode, std::move(ops));
  ops.clear();
  appendDeletes(ops, desired.directorItems, kernel.directorItems, isDirectorVip);
  push(plan.steps, LinksStep::Where::kDirector, std::move(ops));
  return plan;
}

std::map<IpAddress, std::string> foreignHolders(const KernelState& kernel,
                                                const std::vector<net::BoundAddress>& addresses,
                                                const DiffContext& context) {
  std::map<IpAddress, std::string> result;
  for (const net::BoundAddress& address : addresses) {
    if (kernel.nodeItems.contains(address)) continue;
    result.emplace(address.address, "device " + address.device);
  }
  for (const auto& [key, server] : kernel.virtualServers) {
    if (isOurs(key.vip, kernel, context)) continue;
    result.emplace(key.vip, "the virtual server " + ipvs::toString(key));
  }
  return result;
}

}  // namespace barevip::node
