// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/ipvs_kernel.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "barevip/base/log.h"

#include "ipvsnode/netlink/dump.h"
#include "ipvsnode/netlink/ipvs_codec.h"

namespace barevip::netlink {
namespace {

using ipvs::Op;
using ipvs::OpResult;
using ipvs::VirtualServer;

using RealServers = std::map<ipvs::RealServerKey, ipvs::RealServer>;

Result<std::uint16_t> resolveFamily(Socket& socket) {
  std::optional<std::uint16_t> family;
  const auto asked =
      sendOne(socket, encodeFamilyRequest(IPVS_GENL_NAME), "cannot look IPVS up in this kernel",
              [&](const Received& message) { family = decodeFamily(message); });
  if (!asked && asked.error().detail == ENOENT) {
    return fail(ErrorCode::kUnsupported,
                "this kernel has no IPVS: load its module on the node with `modprobe ip_vs`, and "
                "install the module if the kernel's package leaves it out",
                ENOENT);
  }
  if (!asked) return tl::make_unexpected(asked.error());
  if (!family) {
    return fail(ErrorCode::kInternal, "the kernel's answer about IPVS lacks its family number",
                EBADMSG);
  }
  return *family;
}

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
  const auto family = resolveFamily(socket);
  if (!family) return tl::make_unexpected(family.error());
  return IpvsKernel(std::move(socket), *family);
}

Result<std::vector<VirtualServer>> IpvsKernel::dump() {
  // A map because a dump may repeat an entry when another program writes.
  std::map<ipvs::VirtualServerKey, VirtualServer> servers;
  const auto listed = netlink::dump(socket_, encodeVirtualServerDump(family_),
                                    "cannot list the virtual servers of IPVS",
                                    {.restart = [&] { servers.clear(); },
                                     .entry = [&](const Received& message) -> Result<void> {
                                       auto server = decodeVirtualServer(message);
                                       if (!server) return tl::make_unexpected(server.error());
                                       if (*server)
                                         servers.insert_or_assign((*server)->key, **server);
                                       return {};
                                     }});
  if (!listed) return tl::make_unexpected(listed.error());
  std::vector<VirtualServer> result;
  result.reserve(servers.size());
  for (auto& [key, server] : servers) {
    if (auto done = dumpRealServers(server); !done) return tl::make_unexpected(done.error());
    result.push_back(std::move(server));
  }
  return result;
}

Result<void> IpvsKernel::dumpRealServers(VirtualServer& server) {
  RealServers found;
  auto listed = netlink::dump(socket_, encodeRealServerDump(family_, server.key),
                              "cannot list the real servers of " + toString(server.key),
                              {.restart = [&] { found.clear(); },
                               .entry = [&](const Received& message) -> Result<void> {
                                 auto realServer =
                                     decodeRealServer(message, server.key.vip.family());
                                 if (!realServer) return tl::make_unexpected(realServer.error());
                                 found.insert_or_assign(realServer->key, *realServer);
                                 return {};
                               }});
  if (!listed) return listed;
  for (const auto& [key, realServer] : found) server.realServers.push_back(realServer);
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
  std::vector<Message> messages;
  messages.reserve(ops.size());
  for (const auto& op : ops) messages.push_back(encodeOp(family_, op));
  const auto outcomes = sendAll(socket_, messages);
  if (!outcomes) return tl::make_unexpected(outcomes.error());
  std::vector<OpResult> results;
  results.reserve(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Outcome& outcome = (*outcomes)[i];
    if (outcome.error == EPERM) {
      return fail(
          ErrorCode::kForbidden,
          "the kernel refuses changes of IPVS: run with CAP_NET_ADMIN in the user namespace "
          "that owns this network namespace",
          EPERM);
    }
    if (!outcome.text.empty()) {
      log::debug("The kernel explains a refused change",
                 {{"change", toString(ops[i])}, {"answer", describe(outcome)}});
    }
    results.push_back(withoutMissing(ops[i], outcome.error));
  }
  return results;
}

}  // namespace barevip::netlink
