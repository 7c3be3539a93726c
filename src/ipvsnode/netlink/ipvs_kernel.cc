// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/ipvs_kernel.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "barevip/base/log.h"

#include "ipvsnode/netlink/ipvs_codec.h"
#include "ipvsnode/netlink/ipvs_family.h"

namespace barevip::netlink {
namespace {

using ipvs::Op;
using ipvs::OpResult;
using ipvs::VirtualServer;

bool isDelete(const Op& op) {
  return op.kind == Op::Kind::kDeleteVirtualServer || op.kind == Op::Kind::kDeleteRealServer;
}

/// Deletes of what is gone: the wish is fulfilled. ESRCH is a missing virtual server, ENOENT a
/// missing real server (net/netfilter/ipvs/ip_vs_ctl.c).
OpResult withoutMissing(const Op& op, OpResult result) {
  return isDelete(op) && (result == ESRCH || result == ENOENT) ? 0 : result;
}

/// The set that does what an add wanted; nullopt for all other ops.
std::optional<Op> asSet(const Op& op) {
  Op set = op;
  if (op.kind == Op::Kind::kAddVirtualServer) {
    set.kind = Op::Kind::kSetVirtualServer;
  } else if (op.kind == Op::Kind::kAddRealServer) {
    set.kind = Op::Kind::kSetRealServer;
  } else {
    return std::nullopt;
  }
  return set;
}

bool isRealServerOp(const Op& op) {
  return op.kind == Op::Kind::kAddRealServer || op.kind == Op::Kind::kSetRealServer ||
         op.kind == Op::Kind::kDeleteRealServer;
}

/// Which op of a plan has the last word on each thing.
class LastWords {
 public:
  explicit LastWords(std::span<const Op> plan) {
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const Op& op = plan[i];
      if (isRealServerOp(op)) {
        realServers_[{op.virtualServer, op.realServer}] = i;
      } else {
        virtualServers_[op.virtualServer] = i;
      }
      if (op.kind == Op::Kind::kDeleteVirtualServer) deletes_[op.virtualServer] = i;
    }
  }

  /// True if a later op than the add at `index` decides what becomes of the thing it names.
  [[nodiscard]] bool overrule(const Op& add, std::size_t index) const {
    if (!isRealServerOp(add)) return virtualServers_.at(add.virtualServer) > index;
    const auto deleted = deletes_.find(add.virtualServer);
    if (deleted != deletes_.end() && deleted->second > index) return true;
    return realServers_.at({add.virtualServer, add.realServer}) > index;
  }

 private:
  std::map<ipvs::VirtualServerKey, std::size_t> virtualServers_;
  std::map<ipvs::VirtualServerKey, std::size_t> deletes_;
  std::map<std::pair<ipvs::VirtualServerKey, ipvs::RealServerKey>, std::size_t> realServers_;
};

}  // namespace

Result<IpvsKernel> IpvsKernel::open(int namespaceFd) {
  auto socket = Socket::open({.protocol = NETLINK_GENERIC, .namespaceFd = namespaceFd});
  if (!socket) return tl::make_unexpected(socket.error());
  return open(std::move(*socket));
}

Result<IpvsKernel> IpvsKernel::open(Socket socket) {
  const auto family = resolveIpvsFamily(socket);
  if (!family) return tl::make_unexpected(family.error());
  return IpvsKernel(std::move(socket), *family);
}

Result<std::vector<VirtualServer>> IpvsKernel::dump() {
  auto servers =
      dumpByKey<VirtualServer>(socket_, encodeVirtualServerDump(family_),
                               "cannot list the virtual servers of IPVS", decodeVirtualServer);
  if (!servers) return tl::make_unexpected(std::move(servers.error()));
  std::vector<VirtualServer> result;
  result.reserve(servers->size());
  for (auto& [key, server] : *servers) {
    if (auto done = dumpRealServers(server); !done) return tl::make_unexpected(done.error());
    result.push_back(std::move(server));
  }
  return result;
}

Result<void> IpvsKernel::dumpRealServers(VirtualServer& server) {
  const auto found = dumpByKey<ipvs::RealServer>(
      socket_, encodeRealServerDump(family_, server.key),
      "cannot list the real servers of " + toString(server.key),
      [&](const Received& message) { return decodeRealServer(message, server.key.vip.family()); });
  if (!found) return tl::make_unexpected(found.error());
  server.realServers.reserve(found->size());
  for (const auto& [key, realServer] : *found) server.realServers.push_back(realServer);
  return {};
}

Result<std::vector<OpResult>> IpvsKernel::apply(std::span<const Op> plan) {
  auto results = sendOps(plan);
  if (!results) return results;
  if (auto converted = convertAdds(plan, *results); !converted) {
    return tl::make_unexpected(converted.error());
  }
  return results;
}

Result<ipvs::Timeouts> IpvsKernel::timeouts() {
  ipvs::Timeouts found;
  const auto asked =
      sendOne(socket_, encodeTimeoutsRequest(family_), "cannot read the timeouts of IPVS",
              [&](const Received& message) { found = decodeTimeouts(message); });
  if (!asked) return tl::make_unexpected(asked.error());
  return found;
}

Result<void> IpvsKernel::setTimeouts(const ipvs::Timeouts& wish) {
  return sendOne(socket_, encodeTimeouts(family_, wish),
                 "cannot set the timeouts of IPVS to " + toString(wish));
}

Result<void> IpvsKernel::convertAdds(std::span<const Op> plan, std::vector<OpResult>& results) {
  if (std::find(results.begin(), results.end(), EEXIST) == results.end()) return {};
  const LastWords lastWords(plan);
  std::vector<Op> sets;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (results[i] != EEXIST) continue;
    const auto set = asSet(plan[i]);
    if (!set) continue;
    results[i] = 0;
    if (lastWords.overrule(plan[i], i)) continue;
    sets.push_back(*set);
    indices.push_back(i);
  }
  const auto outcomes = sendOps(sets);
  if (!outcomes) return tl::make_unexpected(outcomes.error());
  for (std::size_t i = 0; i < indices.size(); ++i) results[indices[i]] = (*outcomes)[i];
  return {};
}

Result<std::vector<OpResult>> IpvsKernel::sendOps(std::span<const Op> ops) {
  std::vector<OpResult> results(ops.size(), 0);
  bool forbidden = false;
  const auto settle = [&](std::size_t i, const Outcome& outcome) {
    if (outcome.error == EPERM) forbidden = true;
    if (!outcome.text.empty()) {
      log::debug("the kernel explains a refused change",
                 {{"change", toString(ops[i])}, {"answer", describe(outcome)}});
    }
    results[i] = withoutMissing(ops[i], outcome.error);
  };
  const auto sent = sendAll(
      socket_, ops.size(), [&](std::size_t i) { return encodeOp(family_, ops[i]); }, settle);
  if (!sent) return tl::make_unexpected(sent.error());
  if (forbidden) {
    return fail(ErrorCode::kForbidden,
                "the kernel refuses changes of IPVS: run with CAP_NET_ADMIN in the user namespace "
                "that owns this network namespace",
                EPERM);
  }
  return results;
}

}  // namespace barevip::netlink
