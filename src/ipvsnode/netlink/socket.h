// SPDX-License-Identifier: Apache-2.0
// One netlink socket: to the kernel of a network namespace, or to a test's fake kernel.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "barevip/base/result.h"

struct nl_sock;

namespace barevip::netlink {

struct SocketOptions {
  int protocol = 0;            ///< NETLINK_ROUTE, NETLINK_GENERIC; tests: NETLINK_USERSOCK
  std::uint32_t peerPort = 0;  ///< 0 is the kernel
  /// A network namespace to open the socket in, by descriptor; -1: the calling thread's. Needs
  /// CAP_SYS_ADMIN. The socket stays there for life; the calling thread stays where it is.
  int namespaceFd = -1;
  /// Wanted size of both buffers. Beyond net.core.[rw]mem_max only with CAP_NET_ADMIN.
  int bufferBytes = 1 << 20;
  /// How long to wait for each answer. The kernel answers at once: more is a fault.
  std::chrono::milliseconds timeout{5000};
};

/// Datagrams with a deadline. Sequence numbers, acknowledgements and dumps are the business of
/// batch.h and dump.h. Not thread-safe.
///
/// Options set where the kernel knows them: NETLINK_EXT_ACK (texts with errors), NETLINK_CAP_ACK
/// (errors without the whole request: they fill the receive buffer otherwise) and
/// NETLINK_GET_STRICT_CHK (dumps filtered by the kernel).
class Socket {
 public:
  [[nodiscard]] static Result<Socket> open(const SocketOptions& options);

  /// Our netlink port, by which the kernel marks the events that we caused.
  [[nodiscard]] std::uint32_t port() const;
  [[nodiscard]] int fd() const;
  /// True if the buffers have the size that was asked for.
  [[nodiscard]] bool buffersAsWanted() const { return buffersAsWanted_; }
  /// Never 0, which the kernel uses for its own events.
  [[nodiscard]] std::uint32_t nextSequence();

  /// One datagram of one or more whole messages. kUnavailable with EMSGSIZE if it outgrows the send
  /// buffer.
  Result<void> send(std::span<const std::byte> messages);

  /// The next datagram of the peer; valid until the next call. kTimeout after `timeout`;
  /// kUnavailable with ENOBUFS if answers were lost.
  Result<std::span<const std::byte>> receive();

  /// The next datagram without waiting; empty if there is none, or if it came from another sender.
  Result<std::span<const std::byte>> tryReceive();

  /// Throws away what lies unread: late answers to requests that were given up.
  void drain();

  /// Joins multicast groups (RTNLGRP_*).
  Result<void> subscribe(std::span<const int> groups);

 private:
  struct Deleter {
    void operator()(nl_sock* socket) const;
  };

  Socket(nl_sock* socket, const SocketOptions& options);

  std::unique_ptr<nl_sock, Deleter> socket_;
  std::uint32_t peerPort_;
  std::chrono::milliseconds timeout_;
  bool buffersAsWanted_ = false;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace barevip::netlink
