// SPDX-License-Identifier: Apache-2.0
// The bare limit of programming a kernel: takes what the node daemon left in it out, and writes it
// again (IPVS in a namespace in which nothing was) by the same netlink messages, made beforehand
// and sent in batches by a loop that decides and checks nothing. The daemon must not run.
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "barevip/net/rtnetlink.h"

#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"
#include "ipvsnode/netlink/ipvs_codec.h"
#include "ipvsnode/netlink/ipvs_family.h"
#include "ipvsnode/netlink/ipvs_kernel.h"
#include "ipvsnode/netlink/route_codec.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::bench {
namespace {

using netlink::Message;
using netlink::Socket;
using std::chrono::steady_clock;

constexpr std::size_t kBatch = netlink::kBatchWithLargeBuffers;

/// Datagrams of many messages, ready to be sent.
class Batches {
 public:
  explicit Batches(Socket& socket) : socket_(socket) {}

  void add(const nl_msg& message) {
    if (count_++ % kBatch == 0) datagrams_.emplace_back();
    Datagram& last = datagrams_.back();
    last.sequence = socket_.nextSequence();
    const auto bytes = netlink::bytesOf(message);
    const std::size_t offset = last.bytes.size();
    last.bytes.insert(last.bytes.end(), bytes.begin(), bytes.end());
    last.bytes.resize(NLMSG_ALIGN(last.bytes.size()));
    nlmsghdr header{};
    std::memcpy(&header, last.bytes.data() + offset, sizeof header);
    header.nlmsg_seq = last.sequence;
    header.nlmsg_pid = socket_.port();
    std::memcpy(last.bytes.data() + offset, &header, sizeof header);
    last.last = offset;
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  /// Seconds. The kernel answers the last message of each datagram, and what it refuses.
  Result<double> send() {
    for (Datagram& datagram : datagrams_) {
      nlmsghdr header{};
      std::memcpy(&header, datagram.bytes.data() + datagram.last, sizeof header);
      header.nlmsg_flags |= NLM_F_ACK;
      std::memcpy(datagram.bytes.data() + datagram.last, &header, sizeof header);
    }
    const auto start = steady_clock::now();
    for (const Datagram& datagram : datagrams_) {
      if (auto sent = socket_.send(datagram.bytes); !sent) {
        return tl::make_unexpected(sent.error());
      }
      if (auto done = await(datagram.sequence); !done) return tl::make_unexpected(done.error());
    }
    return std::chrono::duration<double>(steady_clock::now() - start).count();
  }

 private:
  struct Datagram {
    std::vector<std::byte> bytes;
    std::size_t last = 0;  ///< where its last message begins
    std::uint32_t sequence = 0;
  };

  Result<void> await(std::uint32_t sequence) {
    int refused = 0;
    for (bool done = false; !done;) {
      const auto answer = socket_.receive();
      if (!answer) return tl::make_unexpected(answer.error());
      netlink::forEachMessage(*answer, [&](const netlink::Received& message) {
        const auto error = message.familyHeader<nlmsgerr>();
        if (error && error->error != 0) refused = -error->error;
        done = done || message.header().nlmsg_seq == sequence;
      });
    }
    if (refused != 0) return tl::make_unexpected(systemError("the kernel refuses", refused));
    return {};
  }

  Socket& socket_;
  std::vector<Datagram> datagrams_;
  std::size_t count_ = 0;
};

struct Took {
  std::size_t messages = 0;
  double seconds = 0;
};

/// Without a local routing table no address counts as unicast (net/ipv4/fib_frontend.c).
bool setLoopbackUp() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

/// Real servers that were deleted are kept for minutes, and a new one is looked for among them, one
/// by one (ip_vs_trash_get_dest in net/netfilter/ipvs/ip_vs_ctl.c): not in another namespace.
Result<Socket> openInNewNamespace() {
  Result<Socket> socket = fail(ErrorCode::kInternal, "no socket");
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0 && setLoopbackUp()) {
      socket = Socket::open({.protocol = NETLINK_GENERIC});
    } else {
      socket = tl::make_unexpected(systemError("cannot make a network namespace", errno));
    }
  }).join();
  return socket;
}

Result<Took> rewriteIpvs(int namespaceFd) {
  auto kernel = netlink::IpvsKernel::open(namespaceFd);
  if (!kernel) return tl::make_unexpected(kernel.error());
  const auto servers = kernel->dump();
  if (!servers) return tl::make_unexpected(servers.error());
  auto socket = openInNewNamespace();
  if (!socket) return tl::make_unexpected(socket.error());
  const auto family = netlink::resolveIpvsFamily(*socket);
  if (!family) return tl::make_unexpected(family.error());
  Batches batches(*socket);
  std::vector<ipvs::Op> deletes;
  for (const ipvs::VirtualServer& server : *servers) {
    ipvs::Op op;
    op.kind = ipvs::Op::Kind::kDeleteVirtualServer;
    op.virtualServer = server.key;
    deletes.push_back(op);
    op.kind = ipvs::Op::Kind::kAddVirtualServer;
    op.options = server.options;
    batches.add(*netlink::encodeOp(*family, op));
    op.kind = ipvs::Op::Kind::kAddRealServer;
    for (const ipvs::RealServer& real : server.realServers) {
      op.realServer = real.key;
      op.weight = real.weight;
      batches.add(*netlink::encodeOp(*family, op));
    }
  }
  if (const auto gone = kernel->apply(deletes); !gone) return tl::make_unexpected(gone.error());
  const auto seconds = batches.send();
  if (!seconds) return tl::make_unexpected(seconds.error());
  return Took{batches.count(), *seconds};
}

/// Null for rules: the set-up of a node makes them, too.
Message encode(const net::NetObject& item, std::uint32_t device) {
  if (const auto* address = std::get_if<net::BoundAddress>(&item)) {
    return netlink::encodeAddressAdd(*address, device);
  }
  if (const auto* route = std::get_if<net::Route>(&item)) {
    return netlink::encodeRouteAdd(*route, device, false);
  }
  if (const auto* neighbour = std::get_if<net::ProxyNeighbour>(&item)) {
    return netlink::encodeNeighbour(*neighbour, device, true);
  }
  return nullptr;
}

std::string deviceOf(const net::NetObject& item) {
  return std::visit(
      [](const auto& one) -> std::string {
        if constexpr (requires { one.device; }) return one.device;
        return {};
      },
      item);
}

Result<Took> rewriteLinks(int namespaceFd, const std::set<std::string>& ownDevices) {
  auto links =
      netlink::RtnetlinkSocket::open({.namespaceFd = namespaceFd, .ownDevices = ownDevices});
  if (!links) return tl::make_unexpected(links.error());
  const auto items = links->dumpOwned();
  if (!items) return tl::make_unexpected(items.error());
  auto socket = Socket::open({.protocol = NETLINK_ROUTE, .namespaceFd = namespaceFd});
  if (!socket) return tl::make_unexpected(socket.error());
  Batches batches(*socket);
  std::vector<net::NetOp> deletes;
  std::map<std::string, std::uint32_t> devices;
  for (const net::NetObject& item : *items) {
    const std::string name = deviceOf(item);
    if (name.empty()) continue;
    if (!devices.contains(name)) {
      const auto device = links->device(name);
      if (!device) return tl::make_unexpected(device.error());
      devices[name] = device->index;
    }
    const Message message = encode(item, devices[name]);
    if (message == nullptr) continue;
    deletes.push_back({net::NetOp::Kind::kDelete, item});
    batches.add(*message);
  }
  if (const auto gone = links->apply(deletes); !gone) return tl::make_unexpected(gone.error());
  const auto seconds = batches.send();
  if (!seconds) return tl::make_unexpected(seconds.error());
  return Took{batches.count(), *seconds};
}

Result<void> run(const char* path) {
  const FileDescriptor balancer(::open(path, O_RDONLY | O_CLOEXEC));
  if (!balancer.valid()) {
    return tl::make_unexpected(systemError("cannot open " + std::string(path), errno));
  }
  const auto ipvs = rewriteIpvs(balancer.get());
  if (!ipvs) return tl::make_unexpected(ipvs.error());
  const auto inside = rewriteLinks(balancer.get(), {"lo"});
  if (!inside) return tl::make_unexpected(inside.error());
  const auto node = rewriteLinks(-1, {});
  if (!node) return tl::make_unexpected(node.error());
  const nlohmann::json printed = {{"ipvs_messages", ipvs->messages},
                                  {"ipvs_seconds", ipvs->seconds},
                                  {"link_messages", inside->messages + node->messages},
                                  {"link_seconds", inside->seconds + node->seconds}};
  std::printf("%s\n", printed.dump().c_str());
  return {};
}

}  // namespace
}  // namespace barevip::bench

int main(int argc, char** argv) {
  try {
    if (argc != 2) {
      std::fprintf(stderr, "usage: bare_loop BALANCER_NAMESPACE_PATH\n");
      return 2;
    }
    const auto done = barevip::bench::run(argv[1]);
    if (done) return 0;
    std::fprintf(stderr, "bare_loop: %s\n", done.error().message.c_str());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bare_loop: %s\n", error.what());
    return 1;
  }
}
