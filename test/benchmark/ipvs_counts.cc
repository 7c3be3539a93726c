// SPDX-License-Identifier: Apache-2.0
#include "benchmark/ipvs_counts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/base/system_error.h"

namespace barevip::bench {
namespace {

/// The answer to a request that is `Head` with `count` entries behind; empty if there is none.
template <class Head, class Entry>
std::vector<Entry> entries(int socket, int option, const Head& head, std::size_t count) {
  std::vector<std::byte> buffer(sizeof(Head) + count * sizeof(Entry));
  std::memcpy(buffer.data(), &head, sizeof(Head));
  auto length = static_cast<socklen_t>(buffer.size());
  std::vector<Entry> result;
  if (::getsockopt(socket, IPPROTO_IP, option, buffer.data(), &length) != 0) return result;
  result.resize(count);
  std::memcpy(result.data(), buffer.data() + sizeof(Head), count * sizeof(Entry));
  return result;
}

Result<FileDescriptor> openSocket() {
  FileDescriptor socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket.valid()) return tl::make_unexpected(systemError("cannot open a raw socket", errno));
  return socket;
}

}  // namespace

Result<IpvsCounts> IpvsCounts::open(const std::string& namespacePath) {
  Result<FileDescriptor> socket;
  // A thread of its own: the caller stays where it is.
  std::thread([&] {
    if (!namespacePath.empty()) {
      const FileDescriptor there(::open(namespacePath.c_str(), O_RDONLY | O_CLOEXEC));
      if (!there.valid() || ::setns(there.get(), CLONE_NEWNET) != 0) {
        socket = tl::make_unexpected(systemError("cannot enter " + namespacePath, errno));
        return;
      }
    }
    socket = openSocket();
  }).join();
  if (!socket) return tl::make_unexpected(socket.error());
  return IpvsCounts(std::move(*socket));
}

std::size_t IpvsCounts::virtualServers() const {
  ip_vs_getinfo info{};
  socklen_t length = sizeof info;
  const int failed = ::getsockopt(socket_.get(), IPPROTO_IP, IP_VS_SO_GET_INFO, &info, &length);
  return failed != 0 ? 0 : info.num_services;
}

std::size_t IpvsCounts::realServers() const {
  ip_vs_get_services head{};
  head.num_services = static_cast<unsigned>(virtualServers());
  std::size_t sum = 0;
  for (const auto& server : entries<ip_vs_get_services, ip_vs_service_entry>(
           socket_.get(), IP_VS_SO_GET_SERVICES, head, head.num_services)) {
    sum += server.num_dests;
  }
  return sum;
}

std::vector<IpAddress> IpvsCounts::realServersOf(const IpAddress& vip, std::uint16_t port,
                                                 std::size_t most) const {
  ip_vs_get_dests head{};
  head.protocol = IPPROTO_TCP;
  head.addr = htonl(static_cast<std::uint32_t>(vip.number()));
  head.port = htons(port);
  head.num_dests = static_cast<unsigned>(most);
  std::vector<IpAddress> result;
  for (const auto& server :
       entries<ip_vs_get_dests, ip_vs_dest_entry>(socket_.get(), IP_VS_SO_GET_DESTS, head, most)) {
    // Entries that the kernel did not need are still zero.
    if (server.addr == 0) continue;
    result.push_back(IpAddress::fromNumber(Family::kIpv4, ntohl(server.addr)));
  }
  return result;
}

}  // namespace barevip::bench
