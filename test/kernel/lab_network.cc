// SPDX-License-Identifier: Apache-2.0
#include "kernel/lab_network.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

#include "common/base/stop_event.h"
#include "wire/send_all.h"

namespace barevip::kernel_test {

namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress socketAddress(const IpAddress& address, std::uint16_t port) {
  SocketAddress result;
  const auto bytes = address.bytes();
  if (address.isIpv4()) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    std::memcpy(&ipv4.sin_addr, bytes.data(), 4);
    std::memcpy(&result.storage, &ipv4, sizeof(ipv4));
    result.size = sizeof(ipv4);
  } else {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(port);
    std::memcpy(&ipv6.sin6_addr, bytes.data(), 16);
    std::memcpy(&result.storage, &ipv6, sizeof(ipv6));
    result.size = sizeof(ipv6);
  }
  return result;
}

/// The address of a dual-stack socket's peer, IPv4 as itself.
std::string peerText(const SocketAddress& peer) {
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, &peer.storage, sizeof(ipv6));
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
  std::string_view view(text.data());
  constexpr std::string_view kMapped = "::ffff:";
  if (view.starts_with(kMapped)) view.remove_prefix(kMapped.size());
  return std::string(view);
}

FileDescriptor listener(int type, std::uint16_t port) {
  FileDescriptor fd(::socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int off = 0;
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  SocketAddress any = socketAddress(IpAddress::fromNumber(Family::kIpv6, 0), port);
  EXPECT_EQ(::bind(fd.get(), any.get(), any.size), 0) << std::strerror(errno);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(fd.get(), 128), 0);
  }
  return fd;
}

std::string errorText(int number) {
  if (number == ECONNREFUSED) return "refused";
  if (number == ETIMEDOUT || number == EAGAIN) return "timeout";
  return std::strerror(number);
}

void boundWaits(int fd, std::chrono::milliseconds wait) {
  // Bounds connect as well as send and recv (man 7 socket).
  const timeval limit{wait.count() / 1000, wait.count() % 1000 * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/// Until the peer or the stop token ends it.
void serveBulk(const FileDescriptor& connection, const std::stop_token& stop) {
  boundWaits(connection.get(), std::chrono::seconds(5));
  const StopEvent stopEvent(stop);
  std::string asked;
  while (true) {
    std::array<pollfd, 2> fds{{{stopEvent.get(), POLLIN, 0}, {connection.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) return;
    std::array<char, 64> buffer;
    const ssize_t got = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    asked.append(buffer.data(), static_cast<std::size_t>(got));
    if (asked.back() != '\n') continue;
    const std::string answer(std::stoul(std::exchange(asked, {})), '.');
    if (!wire::sendAll(connection.get(), answer)) return;
  }
}

Answer failed(int number) { return {{}, {}, errorText(number)}; }

}  // namespace

Result<CommandOutput> LabCommandRunner::run(const Command& command, std::stop_token stop) {
  Command changed = command;
  if (command.program == "modprobe") {
    changed.arguments.insert(changed.arguments.begin(), {"-d", "/run/modules"});
  }
  return system_.run(changed, std::move(stop));
}

Space::Space(const std::string& name) : name_(name) {
  const std::string path = "/run/netns/" + name;
  const auto made = host::ensureNamespace(path);
  EXPECT_TRUE(made) << made.error().message;
  auto thread = host::NamespaceThread::start(path);
  EXPECT_TRUE(thread) << thread.error().message;
  if (thread) thread_ = *std::move(thread);
  ip("link set lo up");
}

Space::~Space() {
  thread_.reset();
  const auto removed = host::removeNamespace("/run/netns/" + name_);
  EXPECT_TRUE(removed) << removed.error().message;
}

std::string Space::run(const std::string& commandLine) {
  SystemCommandRunner runner;
  host::NamespaceCommandRunner inside(*thread_, runner);
  const auto output = runSuccessfully(inside, {"bash", {"-ec", commandLine}});
  EXPECT_TRUE(output) << name_ << ": " << output.error().message;
  return output ? output->output : std::string();
}

void Space::ip(const std::string& lines) {
  SystemCommandRunner runner;
  host::NamespaceCommandRunner inside(*thread_, runner);
  const auto output = runSuccessfully(inside, {"ip", {"-batch", "-"}, lines + "\n"});
  EXPECT_TRUE(output) << name_ << ": " << output.error().message << "\n" << lines;
}

EchoServer::EchoServer(Space& space, std::string name, std::uint16_t port)
    : name_(std::move(name)),
      tcp_(space.thread().run([&] { return listener(SOCK_STREAM, port); })),
      udp_(space.thread().run([&] { return listener(SOCK_DGRAM, port); })),
      thread_([this](const std::stop_token& stop) { serve(stop); }) {}

void EchoServer::serve(const std::stop_token& stop) const {
  const StopEvent stopEvent(stop);
  while (true) {
    std::array<pollfd, 3> fds{
        {{stopEvent.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) return;
    SocketAddress peer;
    if (fds[1].revents != 0) {
      const FileDescriptor connection(::accept4(tcp_.get(), peer.get(), &peer.size, SOCK_CLOEXEC));
      const std::string answer = name_ + " " + peerText(peer);
      if (connection.valid()) ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    if (fds[2].revents != 0) {
      std::array<char, 64> request;
      if (::recvfrom(udp_.get(), request.data(), request.size(), 0, peer.get(), &peer.size) >= 0) {
        const std::string answer = name_ + " " + peerText(peer);
        ::sendto(udp_.get(), answer.data(), answer.size(), 0, peer.get(), peer.size);
      }
    }
  }
}

BulkServer::BulkServer(Space& space, std::uint16_t port)
    : listener_(space.thread().run([&] { return listener(SOCK_STREAM, port); })),
      thread_([this](const std::stop_token& stop) {
        const StopEvent stopEvent(stop);
        std::vector<std::jthread> connections;
        while (true) {
          std::array<pollfd, 2> fds{{{stopEvent.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}}};
          ::poll(fds.data(), fds.size(), -1);
          if (fds[0].revents != 0) return;
          FileDescriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
          if (!fd.valid()) continue;
          connections.emplace_back([connection = std::move(fd)](const std::stop_token& end) {
            serveBulk(connection, end);
          });
        }
      }) {}

Connection::Connection(Space& from, std::uint16_t fromPort, const IpAddress& address,
                       std::uint16_t port)
    : fd_(from.thread().run([&] {
        return ::socket(address.isIpv4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
      })) {
  boundWaits(fd_.get(), std::chrono::seconds(3));
  if (fromPort != 0) {
    const int on = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    SocketAddress own = socketAddress(IpAddress::fromNumber(address.family(), 0), fromPort);
    EXPECT_EQ(::bind(fd_.get(), own.get(), own.size), 0) << std::strerror(errno);
  }
  SocketAddress target = socketAddress(address, port);
  if (::connect(fd_.get(), target.get(), target.size) != 0) {
    error_ = "connect: " + errorText(errno == EINPROGRESS ? ETIMEDOUT : errno);
  }
}

std::string Connection::fetch(std::size_t bytes) {
  if (!error_.empty()) return error_;
  if (!wire::sendAll(fd_.get(), std::to_string(bytes) + "\n")) {
    return "send: " + errorText(errno);
  }
  std::vector<char> buffer(std::size_t{1} << 16U);
  for (std::size_t came = 0; came < bytes;) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return "after " + std::to_string(came) +
             " bytes: " + (got == 0 ? "closed" : errorText(errno));
    }
    came += static_cast<std::size_t>(got);
  }
  return {};
}

std::size_t askFromPorts(Space& from, const IpAddress& source, std::uint16_t first,
                         std::uint16_t count, const IpAddress& address, std::uint16_t port) {
  return from.thread().run([&] {
    std::size_t lost = 0;
    SocketAddress target = socketAddress(address, port);
    for (unsigned i = 0; i < count; ++i) {
      const FileDescriptor fd(
          ::socket(address.isIpv4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      boundWaits(fd.get(), std::chrono::milliseconds(500));
      SocketAddress own = socketAddress(source, static_cast<std::uint16_t>(first + i));
      std::array<char, 256> buffer;
      const bool answered = ::bind(fd.get(), own.get(), own.size) == 0 &&
                            ::connect(fd.get(), target.get(), target.size) == 0 &&
                            ::send(fd.get(), "?", 1, 0) == 1 &&
                            ::recv(fd.get(), buffer.data(), buffer.size(), 0) > 0;
      lost += answered ? 0U : 1U;
    }
    return lost;
  });
}

Answer ask(Space& from, const IpAddress& address, std::uint16_t port, Transport transport,
           std::chrono::milliseconds wait) {
  const int type = transport == Transport::kTcp ? SOCK_STREAM : SOCK_DGRAM;
  const FileDescriptor fd(from.thread().run(
      [&] { return ::socket(address.isIpv4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0); }));
  boundWaits(fd.get(), wait);
  SocketAddress target = socketAddress(address, port);
  if (::connect(fd.get(), target.get(), target.size) != 0) {
    return failed(errno == EINPROGRESS ? ETIMEDOUT : errno);
  }
  if (transport == Transport::kUdp && ::send(fd.get(), "?", 1, 0) != 1) return failed(errno);
  std::string text;
  std::array<char, 256> buffer;
  while (true) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return failed(errno);
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (got == 0 || transport == Transport::kUdp) break;
  }
  Answer answer;
  std::istringstream(text) >> answer.server >> answer.client;
  return answer;
}

}  // namespace barevip::kernel_test
