// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_kernel.h"

#include <cerrno>
#include <utility>

namespace barevip::fakes {

using ipvs::Op;
using ipvs::OpResult;
using ipvs::RealServer;
using ipvs::VirtualServer;

Result<std::vector<VirtualServer>> FakeKernel::dump() {
  const std::lock_guard lock(mutex_);
  ++dumps_;
  if (dumpError_) return tl::make_unexpected(*dumpError_);
  return tableLocked();
}

Result<std::vector<OpResult>> FakeKernel::apply(std::span<const Op> plan) {
  const std::lock_guard lock(mutex_);
  if (applyError_) return tl::make_unexpected(*applyError_);
  const auto failAfter = std::exchange(failAfter_, std::nullopt);
  std::vector<OpResult> results;
  for (const auto& op : plan) {
    if (failAfter && results.size() == *failAfter) return tl::make_unexpected(failAfterError_);
    const OpResult fault = opFault_ ? opFault_(op) : 0;
    results.push_back(fault != 0 ? fault : doOp(op));
    if (fault == 0) writes_.push_back(op);
  }
  if (failAfter) return tl::make_unexpected(failAfterError_);
  return results;
}

Result<ipvs::Timeouts> FakeKernel::timeouts() {
  const std::lock_guard lock(mutex_);
  if (dumpError_) return tl::make_unexpected(*dumpError_);
  return timeouts_;
}

Result<void> FakeKernel::setTimeouts(const ipvs::Timeouts& wish) {
  const std::lock_guard lock(mutex_);
  ++timeoutWrites_;
  if (timeoutsError_) return tl::make_unexpected(*timeoutsError_);
  if (wish.tcp.count() != 0) timeouts_.tcp = wish.tcp;
  if (wish.tcpFin.count() != 0) timeouts_.tcpFin = wish.tcpFin;
  if (wish.udp.count() != 0) timeouts_.udp = wish.udp;
  return {};
}

void FakeKernel::putTimeouts(const ipvs::Timeouts& timeouts) {
  const std::lock_guard lock(mutex_);
  timeouts_ = timeouts;
}

void FakeKernel::setTimeoutsError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  timeoutsError_ = std::move(error);
}

int FakeKernel::takeTimeoutWrites() {
  const std::lock_guard lock(mutex_);
  return std::exchange(timeoutWrites_, 0);
}

OpResult FakeKernel::doOp(const Op& op) {
  const auto found = servers_.find(op.virtualServer);
  switch (op.kind) {
    case Op::Kind::kAddVirtualServer:
      servers_[op.virtualServer].options = op.options;
      return 0;
    case Op::Kind::kSetVirtualServer:
      if (found == servers_.end()) return ESRCH;
      found->second.options = op.options;
      return 0;
    case Op::Kind::kDeleteVirtualServer:
      servers_.erase(op.virtualServer);
      return 0;
    case Op::Kind::kDeleteRealServer:
      if (found != servers_.end()) found->second.realServers.erase(op.realServer);
      return 0;
    case Op::Kind::kAddRealServer:
    case Op::Kind::kSetRealServer:
      if (found == servers_.end()) return ESRCH;
      return doRealServerOp(op, found->second.realServers);
  }
  return EINVAL;
}

OpResult FakeKernel::doRealServerOp(const Op& op, Destinations& realServers) {
  const auto found = realServers.find(op.realServer);
  if (found == realServers.end()) {
    if (op.kind == Op::Kind::kSetRealServer) return ENOENT;
    realServers[op.realServer] = RealServer{.key = op.realServer, .weight = op.weight};
    return 0;
  }
  found->second.weight = op.weight;
  found->second.foreignMethod = false;
  return 0;
}

void FakeKernel::put(VirtualServer server) {
  const std::lock_guard lock(mutex_);
  auto& entry = servers_[server.key];
  entry.options = server.options;
  entry.realServers.clear();
  for (auto& realServer : server.realServers) entry.realServers[realServer.key] = realServer;
}

void FakeKernel::remove(const ipvs::VirtualServerKey& key) {
  const std::lock_guard lock(mutex_);
  servers_.erase(key);
}

void FakeKernel::clear() {
  const std::lock_guard lock(mutex_);
  servers_.clear();
}

void FakeKernel::setConnections(const ipvs::VirtualServerKey& server,
                                const ipvs::RealServerKey& realServer, std::uint32_t active,
                                std::uint32_t inactive) {
  const std::lock_guard lock(mutex_);
  auto& entry = servers_.at(server).realServers.at(realServer);
  entry.activeConnections = active;
  entry.inactiveConnections = inactive;
}

void FakeKernel::setDumpError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  dumpError_ = std::move(error);
}

void FakeKernel::setApplyError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  applyError_ = std::move(error);
}

void FakeKernel::failNextApplyAfter(std::size_t opsDone, Error error) {
  const std::lock_guard lock(mutex_);
  failAfter_ = opsDone;
  failAfterError_ = std::move(error);
}

void FakeKernel::setOpFault(OpFault fault) {
  const std::lock_guard lock(mutex_);
  opFault_ = std::move(fault);
}

std::vector<VirtualServer> FakeKernel::table() const {
  const std::lock_guard lock(mutex_);
  return tableLocked();
}

std::vector<VirtualServer> FakeKernel::tableLocked() const {
  std::vector<VirtualServer> servers;
  for (const auto& [key, entry] : servers_) {
    VirtualServer server{.key = key, .options = entry.options, .realServers = {}};
    for (const auto& [realKey, realServer] : entry.realServers) {
      server.realServers.push_back(realServer);
    }
    servers.push_back(std::move(server));
  }
  return servers;
}

std::vector<Op> FakeKernel::takeWrites() {
  const std::lock_guard lock(mutex_);
  return std::exchange(writes_, {});
}

std::size_t FakeKernel::dumpCount() const {
  const std::lock_guard lock(mutex_);
  return dumps_;
}

}  // namespace barevip::fakes
