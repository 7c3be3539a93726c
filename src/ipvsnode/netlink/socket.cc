// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/socket.h"

#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace barevip::netlink {
namespace {

// The kernel fills dump datagrams up to 32 KiB and no further (net/netlink/af_netlink.c).
constexpr std::size_t kDatagramBytes = 64U << 10U;

std::string reason(int error) { return std::system_category().message(error); }

/// Buffer sizes as the kernel reports them, twice what was set.
bool hasBuffer(int fd, int option, int wanted) {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  return getsockopt(fd, SOL_SOCKET, option, &bytes, &length) == 0 && bytes / 2 >= wanted;
}

bool setBuffers(int fd, int bytes) {
  // The forced forms need CAP_NET_ADMIN; the others are capped silently.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  return hasBuffer(fd, SO_RCVBUF, bytes) && hasBuffer(fd, SO_SNDBUF, bytes);
}

void enable(int fd, int option) {
  // Older kernels than 4.20 lack some: everything works without, with more to read.
  const int one = 1;
  setsockopt(fd, SOL_NETLINK, option, &one, sizeof one);
}

}  // namespace

void Socket::Deleter::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Socket::Socket(nl_sock* socket, const SocketOptions& options)
    : socket_(socket),
      peerPort_(options.peerPort),
      timeout_(options.timeout),
      buffer_(kDatagramBytes) {}

Result<Socket> Socket::open(const SocketOptions& options) {
  Socket socket(nl_socket_alloc(), options);
  if (socket.socket_ == nullptr) throw std::bad_alloc();
  nl_sock* raw = socket.socket_.get();
  int error = 0;
  const auto connect = [&] {
    error = nl_connect(raw, options.protocol) < 0 ? (errno != 0 ? errno : EPROTONOSUPPORT) : 0;
  };
  if (options.namespaceFd < 0) {
    connect();
  } else {
    // A socket belongs to the namespace of the thread that makes it. A short-lived thread goes
    // there, so that this one cannot be left behind in the wrong one.
    std::jthread([&] {
      if (setns(options.namespaceFd, CLONE_NEWNET) != 0) {
        error = errno;
      } else {
        connect();
      }
    }).join();
  }
  if (error != 0) {
    const std::string where = options.namespaceFd < 0 ? "" : " in the given network namespace";
    return fail(error == EPERM ? ErrorCode::kForbidden : ErrorCode::kUnavailable,
                "cannot open a netlink socket" + where + ": " + reason(error) +
                    (error == EPERM ? "; entering a namespace needs CAP_SYS_ADMIN" : ""),
                error);
  }
  nl_socket_set_peer_port(raw, options.peerPort);
  socket.buffersAsWanted_ = setBuffers(socket.fd(), options.bufferBytes);
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    enable(socket.fd(), option);
  }
  return socket;
}

std::uint32_t Socket::port() const { return nl_socket_get_local_port(socket_.get()); }

int Socket::fd() const { return nl_socket_get_fd(socket_.get()); }

std::uint32_t Socket::nextSequence() {
  if (++sequence_ == 0) ++sequence_;
  return sequence_;
}

Result<void> Socket::send(std::span<const std::byte> messages) {
  sockaddr_nl peer{};
  peer.nl_family = AF_NETLINK;
  peer.nl_pid = peerPort_;
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd(), messages.data(), messages.size(), 0,
                    reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
  } while (sent < 0 && errno == EINTR);
  if (sent == static_cast<ssize_t>(messages.size())) return {};
  const int error = sent < 0 ? errno : EMSGSIZE;
  return fail(ErrorCode::kUnavailable, "cannot send a netlink request: " + reason(error), error);
}

Result<std::span<const std::byte>> Socket::tryReceive() {
  sockaddr_nl from{};
  iovec part{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
  msghdr header{};
  header.msg_name = &from;
  header.msg_namelen = sizeof from;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  const ssize_t length = ::recvmsg(fd(), &header, MSG_DONTWAIT);
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::span<const std::byte>{};
    return fail(ErrorCode::kUnavailable,
                errno == ENOBUFS
                    ? std::string("netlink answers were lost: the receive buffer was full")
                    : "cannot receive a netlink answer: " + reason(errno),
                errno);
  }
  if ((static_cast<unsigned>(header.msg_flags) & static_cast<unsigned>(MSG_TRUNC)) != 0U) {
    return fail(ErrorCode::kInternal, "a netlink answer is longer than the kernel's own limit",
                EMSGSIZE);
  }
  if (from.nl_pid != peerPort_) return std::span<const std::byte>{};
  return std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(length));
}

Result<std::span<const std::byte>> Socket::receive() {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  for (;;) {
    auto datagram = tryReceive();
    if (!datagram || !datagram->empty()) return datagram;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return fail(ErrorCode::kTimeout,
                  "no netlink answer within " + std::to_string(timeout_.count()) + " ms",
                  ETIMEDOUT);
    }
    pollfd wait{.fd = fd(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, static_cast<int>(left.count()) + 1);
  }
}

void Socket::drain() {
  // An error here is the overrun flag, which reading clears; it belongs to a request given up.
  std::byte unread{};
  for (;;) {
    const ssize_t length = ::recv(fd(), &unread, 1, MSG_DONTWAIT);
    if (length < 0 && errno != ENOBUFS && errno != EINTR) return;
  }
}

Result<void> Socket::subscribe(std::span<const int> groups) {
  for (const int group : groups) {
    if (setsockopt(fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
      const int error = errno;
      return fail(
          ErrorCode::kUnavailable,
          "cannot subscribe to netlink group " + std::to_string(group) + ": " + reason(error),
          error);
    }
  }
  return {};
}

}  // namespace barevip::netlink
