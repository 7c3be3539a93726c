// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/applier.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "barevip/base/log.h"

namespace barevip::node {
namespace {

constexpr const char* kFilterChange = "packet filter";

std::string describe(const net::LinkOp& op, LinksStep::Where where) {
  return std::string(op.kind == net::LinkOp::Kind::kAdd ? "add " : "delete ") +
         net::toString(op.item) + (where == LinksStep::Where::kDirector ? " in the director" : "");
}

/// The VIP that an item carries; nothing for plumbing.
std::optional<IpAddress> vipOf(const net::Item& item) {
  if (const auto* address = std::get_if<net::BoundAddress>(&item)) return address->address;
  if (const auto* proxy = std::get_if<net::ProxyNeighbour>(&item)) return proxy->address;
  if (const auto* route = std::get_if<net::Route>(&item)) {
    const IpPrefix& to = route->destination;
    if (to.length == to.network.bits()) return to.network;
  }
  return std::nullopt;
}

/// Virtual servers whose treatment by the filter is not the same in both.
void addDifferent(const net::FilterState& a, const net::FilterState& b,
                  std::set<ipvs::VirtualServerKey>& keys) {
  std::set_symmetric_difference(a.keepClient.begin(), a.keepClient.end(), b.keepClient.begin(),
                                b.keepClient.end(), std::inserter(keys, keys.end()));
  const auto addMissing = [&keys](const auto& from, const auto& in) {
    for (const net::SourceRanges& ranges : from) {
      const auto at = std::lower_bound(
          in.begin(), in.end(), ranges.virtualServer,
          [](const net::SourceRanges& one, const auto& key) { return one.virtualServer < key; });
      if (at == in.end() || *at != ranges) keys.insert(ranges.virtualServer);
    }
  };
  addMissing(a.sourceRanges, b.sourceRanges);
  addMissing(b.sourceRanges, a.sourceRanges);
}

/// Lets new connections in that the kernel did not take before.
bool opens(const ipvs::Op& op) {
  switch (op.kind) {
    case ipvs::Op::Kind::kAddVirtualServer:
    case ipvs::Op::Kind::kAddRealServer:
      return true;
    case ipvs::Op::Kind::kSetRealServer:
      return op.weight > 0;
    default:
      return false;
  }
}

}  // namespace

Result<void> readLinks(const KernelSeams& seams, KernelState& state) {
  auto nodeItems = seams.node.dumpOwned();
  if (!nodeItems) return tl::make_unexpected(std::move(nodeItems.error()));
  std::set<net::Item> directorItems;
  if (seams.director != nullptr) {
    auto items = seams.director->dumpOwned();
    if (!items) return tl::make_unexpected(std::move(items.error()));
    directorItems.insert(items->begin(), items->end());
  }
  state.nodeItems = std::set<net::Item>(nodeItems->begin(), nodeItems->end());
  state.directorItems = std::move(directorItems);
  return {};
}

Result<KernelState> readKernel(const KernelSeams& seams) {
  auto servers = seams.ipvs.dump();
  if (!servers) return tl::make_unexpected(std::move(servers.error()));
  KernelState state;
  for (ipvs::VirtualServer& server : *servers) {
    const ipvs::VirtualServerKey key = server.key;
    state.virtualServers.emplace(key, std::move(server));
  }
  if (auto read = readLinks(seams, state); !read) {
    return tl::make_unexpected(std::move(read.error()));
  }
  state.fresh = true;
  return state;
}

Applier::Applier(KernelSeams seams, const Clock& clock, obs::Registry& metrics)
    : seams_(std::move(seams)),
      clock_(clock),
      writes_(metrics.counter("barevip_node_netlink_writes_total",
                              "Changes sent to the kernel by netlink since the start.")),
      filterWrites_(metrics.counter("barevip_node_filter_writes_total",
                                    "Changes of packet filter rules and sets since the start.")),
      failures_(metrics.counter("barevip_node_refused_changes_total",
                                "Changes that the kernel refused.")) {}

ApplyOutcome Applier::apply(const Plan& plan, KernelState& mirror) {
  ApplyOutcome outcome;
  if (!ledger_.empty()) forgetUnwanted(plan);
  for (const Step& step : plan.steps) {
    if (const auto* filter = std::get_if<FilterStep>(&step)) {
      applyFilter(*filter, mirror);
    } else if (const auto* ipvs = std::get_if<IpvsStep>(&step)) {
      if (!applyIpvs(*ipvs, mirror, outcome)) return outcome;
    } else if (!applyLinks(std::get<LinksStep>(step), mirror, outcome)) {
      return outcome;
    }
  }
  return outcome;
}

void Applier::forgetUnwanted(const Plan& plan) {
  std::set<std::string> wanted;
  for (const Step& step : plan.steps) {
    if (const auto* ipvs = std::get_if<IpvsStep>(&step)) {
      for (const ipvs::Op& op : ipvs->ops) wanted.insert(ipvs::toString(op));
    } else if (const auto* links = std::get_if<LinksStep>(&step)) {
      for (const net::LinkOp& op : links->ops) wanted.insert(describe(op, links->where));
    } else {
      wanted.insert(kFilterChange);
    }
  }
  ledger_.keepOnly(wanted);
}

void Applier::applyFilter(const FilterStep& step, KernelState& mirror) {
  const bool known = std::exchange(mirror.filter, std::nullopt).has_value();
  if (!ledger_.mayTry(kFilterChange, clock_.now()) || !writeFilter(step.state, known)) {
    addDifferent(filterBefore_, step.state, unguarded_);
    return;
  }
  ledger_.succeeded(kFilterChange);
  unguarded_.clear();
  filterBefore_ = step.state;
  mirror.filter = step.state;
}

bool Applier::writeFilter(const net::FilterState& state, bool known) {
  for (net::PacketFilter* filter : seams_.filters) {
    const auto writes = known ? filter->update(state) : filter->reconcile(state);
    if (!writes) {
      if (writes.error().code != ErrorCode::kStopped) {
        refused(kFilterChange, writes.error().message, std::nullopt);
      }
      return false;
    }
    filterWrites_.add(static_cast<double>(*writes));
  }
  return true;
}

bool Applier::applyIpvs(const IpvsStep& step, KernelState& mirror, ApplyOutcome& outcome) {
  std::vector<ipvs::Op> ops;
  ops.reserve(step.ops.size());
  // Real servers of a virtual server that cannot be added would only fail, too.
  std::set<ipvs::VirtualServerKey> absent;
  for (const ipvs::Op& op : step.ops) {
    if (absent.contains(op.virtualServer)) continue;
    if (opens(op) && unguarded_.contains(op.virtualServer)) continue;
    if (!ledger_.empty() && !ledger_.mayTry(ipvs::toString(op), clock_.now())) {
      if (op.kind == ipvs::Op::Kind::kAddVirtualServer) absent.insert(op.virtualServer);
      continue;
    }
    ops.push_back(op);
  }
  if (ops.empty()) return true;
  const auto results = seams_.ipvs.apply(ops);
  writes_.add(static_cast<double>(ops.size()));
  if (!results) {
    outcome.stateKnown = false;
    outcome.failure = results.error().message;
    return false;
  }
  for (std::size_t i = 0; i < ops.size() && i < results->size(); ++i) {
    const ipvs::Op& op = ops[i];
    const int error = (*results)[i];
    if (error == 0) {
      if (!ledger_.empty()) ledger_.succeeded(ipvs::toString(op));
      applyTo(mirror, op);
      continue;
    }
    if (absent.contains(op.virtualServer)) continue;
    const bool ofServer = op.kind == ipvs::Op::Kind::kAddVirtualServer ||
                          op.kind == ipvs::Op::Kind::kSetVirtualServer;
    if (op.kind == ipvs::Op::Kind::kAddVirtualServer) absent.insert(op.virtualServer);
    if (ofServer && error == ENOENT) outcome.missingSchedulers.insert(op.options.scheduler);
    refused(ipvs::toString(op), ipvs::explain(op, error),
            op.kind == ipvs::Op::Kind::kAddVirtualServer ? std::optional(op.virtualServer.vip)
                                                         : std::nullopt);
  }
  return true;
}

bool Applier::applyLinks(const LinksStep& step, KernelState& mirror, ApplyOutcome& outcome) {
  const bool inDirector = step.where == LinksStep::Where::kDirector;
  net::Links* links = inDirector ? seams_.director : &seams_.node;
  if (links == nullptr) return true;
  const std::set<IpAddress> blocked = ledger_.blocked();
  std::vector<net::LinkOp> ops;
  ops.reserve(step.ops.size());
  for (const net::LinkOp& op : step.ops) {
    const bool announces =
        op.kind == net::LinkOp::Kind::kAdd && !inDirector && isAnnouncement(op.item);
    if (announces) {
      const auto vip = vipOf(op.item);
      if (!mirror.filter || (vip && blocked.contains(*vip))) continue;
    }
    if (!ledger_.empty() && !ledger_.mayTry(describe(op, step.where), clock_.now())) continue;
    ops.push_back(op);
  }
  if (ops.empty()) return true;
  const auto results = links->apply(ops);
  writes_.add(static_cast<double>(ops.size()));
  if (!results) {
    outcome.stateKnown = false;
    outcome.failure = results.error().message;
    return false;
  }
  for (std::size_t i = 0; i < ops.size() && i < results->size(); ++i) {
    const int error = (*results)[i];
    const std::string change = describe(ops[i], step.where);
    if (error == 0) {
      if (!ledger_.empty()) ledger_.succeeded(change);
      applyTo(inDirector ? mirror.directorItems : mirror.nodeItems, ops[i]);
      continue;
    }
    const bool adds = ops[i].kind == net::LinkOp::Kind::kAdd;
    refused(change, "cannot " + change + ": " + std::generic_category().message(error),
            adds && !isAnnouncement(ops[i].item) ? vipOf(ops[i].item) : std::nullopt);
  }
  return true;
}

void Applier::refused(const std::string& change, const std::string& sentence,
                      std::optional<IpAddress> blocks) {
  failures_.add();
  if (ledger_.failed(change, sentence, blocks, clock_.now())) {
    log::warn("change refused, will be tried again", {{"reason", sentence}});
  }
}

}  // namespace barevip::node
