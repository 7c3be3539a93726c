// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/apply/applier.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "barevip/base/log.h"

#include "ipvsnode/apply/netlink_errors.h"
#include "ipvsnode/desired/source_ranges.h"

namespace barevip::node {
namespace {

constexpr const char* kFilterChange = "packet filter";
constexpr const char* kTimeoutsChange = "timeouts of IPVS";

std::string describe(const net::NetOp& op, NetStep::Where where) {
  return std::string(op.kind == net::NetOp::Kind::kAdd ? "add " : "delete ") +
         net::toString(op.item) +
         (where == NetStep::Where::kDirector ? " in the balancer namespace" : "");
}

/// Virtual servers whose treatment by the filter is not the same in both.
void addDifferent(const net::FilterState& a, const net::FilterState& b,
                  std::set<ipvs::VirtualServerKey>& keys) {
  std::set_symmetric_difference(a.keepClient.begin(), a.keepClient.end(), b.keepClient.begin(),
                                b.keepClient.end(), std::inserter(keys, keys.end()));
  const auto addMissing = [&keys](const auto& from, const auto& in) {
    for (const net::SourceRanges& ranges : from) {
      const auto* const same = findRanges(in, ranges.virtualServer);
      if (same == nullptr || *same != ranges) keys.insert(ranges.virtualServer);
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

/// Lets no new connections in any more.
bool retires(const ipvs::Op& op) {
  return op.kind == ipvs::Op::Kind::kDeleteRealServer ||
         (op.kind == ipvs::Op::Kind::kSetRealServer && op.weight == 0);
}

}  // namespace

Result<void> readLinks(const KernelWriters& writers, KernelState& state) {
  auto nodeObjects = writers.node.dumpOwned();
  if (!nodeObjects) return tl::make_unexpected(std::move(nodeObjects.error()));
  std::set<net::NetObject> balancerObjects;
  if (writers.director != nullptr) {
    auto items = writers.director->dumpOwned();
    if (!items) return tl::make_unexpected(std::move(items.error()));
    balancerObjects.insert(items->begin(), items->end());
  }
  state.nodeObjects = std::set<net::NetObject>(nodeObjects->begin(), nodeObjects->end());
  state.balancerObjects = std::move(balancerObjects);
  return {};
}

Result<KernelState> readKernel(const KernelWriters& writers) {
  auto servers = writers.ipvs.dump();
  if (!servers) return tl::make_unexpected(std::move(servers.error()));
  const auto timeouts = writers.ipvs.timeouts();
  if (!timeouts) return tl::make_unexpected(timeouts.error());
  KernelState state;
  state.timeouts = *timeouts;
  for (ipvs::VirtualServer& server : *servers) {
    const ipvs::VirtualServerKey key = server.key;
    state.virtualServers.emplace(key, std::move(server));
  }
  if (auto read = readLinks(writers, state); !read) {
    return tl::make_unexpected(std::move(read.error()));
  }
  state.fresh = true;
  return state;
}

Applier::Applier(KernelWriters writers, const Clock& clock, obs::Registry& metrics)
    : writers_(std::move(writers)),
      clock_(clock),
      writes_(metrics.counter("barevip_node_netlink_writes_total",
                              "Changes sent to the kernel by netlink since the start.")),
      filterWrites_(metrics.counter("barevip_node_filter_writes_total",
                                    "Changes of packet filter rules and sets since the start.")),
      failures_(metrics.counter("barevip_node_refused_changes_total",
                                "Changes that the kernel refused.")),
      metrics_(metrics) {}

ApplyOutcome Applier::apply(std::vector<Step> steps, KernelState& mirror) {
  ApplyOutcome outcome;
  if (!backoff_.empty()) forgetUnwanted(steps);
  retiring_.clear();
  for (Step& step : steps) {
    if (const auto* filter = std::get_if<FilterStep>(&step)) {
      applyFilter(*filter, mirror, outcome);
    } else if (const auto* timeouts = std::get_if<TimeoutsStep>(&step)) {
      applyTimeouts(*timeouts, mirror);
    } else if (auto* ipvs = std::get_if<IpvsStep>(&step)) {
      if (!applyIpvs(std::move(*ipvs), mirror, outcome)) return outcome;
    } else if (!applyLinks(std::move(std::get<NetStep>(step)), mirror, outcome)) {
      return outcome;
    }
  }
  backoff_.schedule(clock_.now());
  return outcome;
}

void Applier::forgetUnwanted(const std::vector<Step>& steps) {
  std::set<std::string> wanted;
  for (const Step& step : steps) {
    if (const auto* ipvs = std::get_if<IpvsStep>(&step)) {
      for (const ipvs::Op& op : ipvs->ops) wanted.insert(ipvs::toString(op));
    } else if (const auto* links = std::get_if<NetStep>(&step)) {
      for (const auto& change : links->changes) wanted.insert(describe(change.op, links->where));
    } else {
      wanted.insert(std::holds_alternative<FilterStep>(step) ? kFilterChange : kTimeoutsChange);
    }
  }
  backoff_.keepOnly(wanted);
}

// A virtual server that could not be deleted keeps everybody out whom it kept out, and so does one
// of which a real server could not be retired.
net::FilterState Applier::withGuardsOfLeftovers(net::FilterState state,
                                                const KernelState& mirror) const {
  if (!filterBefore_) return state;
  const auto& wanted = state.virtualServers;
  const auto& known = state.sourceRanges;
  std::vector<net::SourceRanges> kept;
  for (const net::SourceRanges& before : filterBefore_->sourceRanges) {
    const auto& key = before.virtualServer;
    const bool isWanted = std::binary_search(wanted.begin(), wanted.end(), key);
    if (isWanted && leadsToRetiring(key, mirror)) {
      const net::SourceRanges* const next = findRanges(known, key);
      kept.push_back(
          {key, next == nullptr ? before.allowed : narrower(before.allowed, next->allowed)});
      continue;
    }
    if (isWanted || !mirror.virtualServers.contains(key)) continue;
    const bool isKnown = std::any_of(known.begin(), known.end(),
                                     [&](const auto& each) { return each.virtualServer == key; });
    if (!isKnown) kept.push_back(before);
  }
  keepRanges(state, std::move(kept));
  return state;
}

void Applier::applyFilter(const FilterStep& step, KernelState& mirror, ApplyOutcome& outcome) {
  net::FilterState state = withGuardsOfLeftovers(step.state, mirror);
  std::erase_if(state.keepClient, [&](const auto& key) { return leadsToRetiring(key, mirror); });
  const bool known = std::exchange(mirror.filter, std::nullopt).has_value();
  std::optional<std::size_t> writes;
  if (backoff_.mayTry(kFilterChange, clock_.now())) writes = writeFilter(state, known);
  if (!writes) {
    addDifferent(filterBefore_.value_or(net::FilterState{}), state, unguarded_);
    return;
  }
  // After a refusal it is not known what was written.
  if (unguarded_.empty() && filterBefore_ == state) outcome.filterRepairs += *writes;
  backoff_.succeeded(kFilterChange);
  unguarded_.clear();
  filterBefore_ = state;
  mirror.filter = state;
}

std::optional<std::size_t> Applier::writeFilter(const net::FilterState& state, bool known) {
  std::size_t all = 0;
  for (net::PacketFilter* filter : writers_.filters) {
    const auto writes = known ? filter->update(state) : filter->reconcile(state);
    if (!writes) {
      if (writes.error().code != ErrorCode::kStopped) {
        refused(kFilterChange, writes.error().message, std::nullopt, std::nullopt);
      }
      return std::nullopt;
    }
    filterWrites_.add(static_cast<double>(*writes));
    all += *writes;
  }
  return all;
}

void Applier::applyTimeouts(const TimeoutsStep& step, KernelState& mirror) {
  if (!backoff_.mayTry(kTimeoutsChange, clock_.now())) return;
  writes_.add();
  if (const auto set = writers_.ipvs.setTimeouts(step.timeouts); !set) {
    countNetlinkError(metrics_, set.error().detail);
    refused(kTimeoutsChange, set.error().message, std::nullopt, std::nullopt);
    return;
  }
  backoff_.succeeded(kTimeoutsChange);
  mirror.timeouts = step.timeouts;
}

bool Applier::isUnmarked(const IpAddress& vip, const KernelState& mirror) const {
  return writers_.director == nullptr &&
         !mirror.nodeObjects.contains(net::BoundAddress{vip, net::kDummyDevice});
}

bool Applier::isMarkInUse(const net::NetOp& op, const KernelState& mirror) const {
  const auto* address = std::get_if<net::BoundAddress>(&op.item);
  if (writers_.director != nullptr || address == nullptr) return false;
  if (op.kind != net::NetOp::Kind::kDelete || address->device != net::kDummyDevice) return false;
  return hasVirtualServers(mirror, address->address);
}

bool Applier::leadsToRetiring(const ipvs::VirtualServerKey& key, const KernelState& mirror) const {
  if (retiring_.empty()) return false;
  const auto server = mirror.virtualServers.find(key);
  if (server == mirror.virtualServers.end()) return false;
  const auto& reals = server->second.realServers;
  return std::any_of(reals.begin(), reals.end(), [&](const ipvs::RealServer& real) {
    return real.weight > 0 && retiring_.contains({key, real.key});
  });
}

// One pod of many does not count: who writes an endpoint that no kernel takes must not stop the
// others of his Service.
bool Applier::leavesUnserved(const ipvs::Op& op, const KernelState& mirror) const {
  if (op.kind == ipvs::Op::Kind::kAddVirtualServer) return true;
  if (!opens(op)) return false;
  const auto server = mirror.virtualServers.find(op.virtualServer);
  if (server == mirror.virtualServers.end()) return true;
  const auto& reals = server->second.realServers;
  return std::none_of(reals.begin(), reals.end(), [&](const ipvs::RealServer& real) {
    return real.weight > 0 && !retiring_.contains({op.virtualServer, real.key});
  });
}

bool Applier::applyIpvs(IpvsStep step, KernelState& mirror, ApplyOutcome& outcome) {
  // Real servers of a virtual server that cannot be added would only fail, too.
  std::set<ipvs::VirtualServerKey> absent;
  std::vector<ipvs::Op>& ops = step.ops;
  for (const ipvs::Op& op : ops) {
    if (retires(op)) retiring_.emplace(op.virtualServer, op.realServer);
  }
  const auto mayTry = [&](const ipvs::Op& op) {
    return backoff_.empty() || backoff_.mayTry(ipvs::toString(op), clock_.now());
  };
  std::vector<ipvs::Op> heldBack;
  const auto end = std::remove_if(ops.begin(), ops.end(), [&](const ipvs::Op& op) {
    if (absent.contains(op.virtualServer)) return true;
    if (opens(op) && unguarded_.contains(op.virtualServer)) return true;
    const bool adds = op.kind == ipvs::Op::Kind::kAddVirtualServer;
    const bool unmarked = adds && isUnmarked(op.virtualServer.vip, mirror);
    if (!unmarked && mayTry(op)) return false;
    if (adds) absent.insert(op.virtualServer);
    if (!unmarked) heldBack.push_back(op);
    return true;
  });
  ops.erase(end, ops.end());
  if (!applyNow(ops, absent, mirror, outcome)) return false;
  for (const ipvs::Op& op : heldBack) {
    backoff_.setBlocks(ipvs::toString(op), blockedBy(op, mirror));
  }
  return true;
}

std::optional<Beneficiary> Applier::blockedBy(const ipvs::Op& op, const KernelState& mirror) const {
  if (!leavesUnserved(op, mirror)) return std::nullopt;
  return op.virtualServer.vip;
}

bool Applier::applyNow(const std::vector<ipvs::Op>& ops, std::set<ipvs::VirtualServerKey>& absent,
                       KernelState& mirror, ApplyOutcome& outcome) {
  if (ops.empty()) return true;
  const auto results = writers_.ipvs.apply(ops);
  writes_.add(static_cast<double>(ops.size()));
  if (!results) {
    failed(outcome, results.error());
    return false;
  }
  std::vector<std::pair<const ipvs::Op*, int>> failed;
  for (std::size_t i = 0; i < ops.size() && i < results->size(); ++i) {
    if ((*results)[i] != 0) {
      failed.emplace_back(&ops[i], (*results)[i]);
      continue;
    }
    if (!backoff_.empty()) backoff_.succeeded(ipvs::toString(ops[i]));
    applyTo(mirror, ops[i]);
  }
  for (const auto& [op, error] : failed) {
    if (absent.contains(op->virtualServer)) continue;
    countNetlinkError(metrics_, error);
    const bool ofServer = op->kind == ipvs::Op::Kind::kAddVirtualServer ||
                          op->kind == ipvs::Op::Kind::kSetVirtualServer;
    if (op->kind == ipvs::Op::Kind::kAddVirtualServer) absent.insert(op->virtualServer);
    if (ofServer && error == ENOENT) outcome.missingSchedulers.insert(op->options.scheduler);
    refused(ipvs::toString(*op), ipvs::explain(*op, error), op->virtualServer.vip,
            blockedBy(*op, mirror));
  }
  return true;
}

bool Applier::applyLinks(NetStep step, KernelState& mirror, ApplyOutcome& outcome) {
  const bool inDirector = step.where == NetStep::Where::kDirector;
  net::Rtnetlink* links = inDirector ? writers_.director : &writers_.node;
  if (links == nullptr) return true;
  const bool announces = step.purpose == NetStep::Purpose::kAnnounce;
  const Blocked blocked = backoff_.blocked();
  const auto mustWait = [&](const LinkChange& change) {
    if (!announces || change.op.kind != net::NetOp::Kind::kAdd) return false;
    const auto* vip = std::get_if<IpAddress>(&change.beneficiary);
    return !mirror.filter || vip == nullptr || blocked.contains(*vip);
  };
  std::vector<LinkChange>& changes = step.changes;
  std::erase_if(changes, [&](const LinkChange& change) {
    if (mustWait(change) || isMarkInUse(change.op, mirror)) return true;
    return !backoff_.empty() && !backoff_.mayTry(describe(change.op, step.where), clock_.now());
  });
  if (changes.empty()) return true;
  std::vector<net::NetOp> ops;
  ops.reserve(changes.size());
  for (LinkChange& change : changes) ops.push_back(std::move(change.op));
  const auto results = links->apply(ops);
  writes_.add(static_cast<double>(ops.size()));
  if (!results) {
    failed(outcome, results.error());
    return false;
  }
  for (std::size_t i = 0; i < ops.size() && i < results->size(); ++i) {
    const int error = (*results)[i];
    const std::string change = describe(ops[i], step.where);
    if (error == 0) {
      if (!backoff_.empty()) backoff_.succeeded(change);
      applyTo(inDirector ? mirror.balancerObjects : mirror.nodeObjects, ops[i]);
      continue;
    }
    countNetlinkError(metrics_, error);
    refused(change, "cannot " + change + ": " + std::generic_category().message(error),
            changes[i].beneficiary,
            announces || ops[i].kind == net::NetOp::Kind::kDelete
                ? std::nullopt
                : std::optional(changes[i].beneficiary));
  }
  return true;
}

void Applier::failed(ApplyOutcome& outcome, const Error& error) {
  countNetlinkError(metrics_, error.detail);
  outcome.stateKnown = false;
  outcome.failure = error.message;
}

void Applier::refused(const std::string& change, const std::string& sentence,
                      const std::optional<Beneficiary>& about, std::optional<Beneficiary> blocks) {
  failures_.add();
  if (backoff_.failed(change, sentence, about, blocks, clock_.now())) {
    log::warn("change refused; it is tried again", {{"reason", sentence}});
  }
}

}  // namespace barevip::node
