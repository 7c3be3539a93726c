// SPDX-License-Identifier: Apache-2.0
#include "wire/netlink/wire_kernel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace barevip::wire_test {
namespace {

using netlink::bytesOf;
using netlink::Received;

constexpr std::uint32_t kGroup = 1;

void append(Bytes& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void send(int fd, std::uint32_t port, std::uint32_t groups, const Bytes& datagram) {
  sockaddr_nl to{};
  to.nl_family = AF_NETLINK;
  to.nl_pid = port;
  to.nl_groups = groups;
  // A client that does not read, or is gone, is no concern of the kernel's.
  [[maybe_unused]] const auto sent = ::sendto(fd, datagram.data(), datagram.size(), 0,
                                              reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

}  // namespace

Bytes messageBytes(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
                   std::uint32_t port, const Bytes& payload) {
  const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + payload.size()),
                        .nlmsg_type = type,
                        .nlmsg_flags = flags,
                        .nlmsg_seq = sequence,
                        .nlmsg_pid = port};
  Bytes message;
  append(message, bytesOf(header));
  append(message, payload);
  return message;
}

WireKernel::WireKernel(Handler handler)
    : handler_(std::move(handler)),
      socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK)) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  socklen_t length = sizeof address;
  // Not for ever if a client does not read.
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) {
    throw std::runtime_error("cannot open a NETLINK_USERSOCK socket");
  }
  port_ = address.nl_pid;
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

WireKernel::~WireKernel() {
  thread_.request_stop();
  // Wakes the thread: a datagram of no message.
  const FileDescriptor waker(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK));
  send(waker.get(), port_, 0, Bytes(1));
}

netlink::SocketOptions WireKernel::options() const {
  return {.protocol = NETLINK_USERSOCK,
          .peerPort = port_,
          .bufferBytes = 64 * 1024,
          .timeout = std::chrono::seconds(20)};
}

netlink::Socket WireKernel::connect(const netlink::SocketOptions& options) {
  auto socket = netlink::Socket::open(options);
  if (!socket) throw std::runtime_error(socket.error().message);
  return std::move(*socket);
}

void WireKernel::setMute(bool mute) {
  const std::lock_guard lock(mutex_);
  faults_.mute = mute;
}

void WireKernel::loseAcks(int count) {
  const std::lock_guard lock(mutex_);
  faults_.lostAcks = count;
}

void WireKernel::interruptDumps(int count) {
  const std::lock_guard lock(mutex_);
  faults_.interruptedDumps = count;
}

void WireKernel::setEndless(bool endless) {
  const std::lock_guard lock(mutex_);
  faults_.endless = endless;
}

void WireKernel::setDumpStatus(int error) {
  const std::lock_guard lock(mutex_);
  faults_.dumpStatus = error;
}

void WireKernel::answerOnce(Bytes datagram) {
  const std::lock_guard lock(mutex_);
  faults_.once = std::move(datagram);
}

void WireKernel::flood(int count, std::size_t bytes) const {
  const Bytes message = messageBytes(NLMSG_NOOP, 0, 0, 0, Bytes(bytes - sizeof(nlmsghdr)));
  for (int i = 0; i < count; ++i) send(socket_.get(), 0, kGroup, message);
}

bool WireKernel::mayFlood(netlink::Socket& client) {
  return client.subscribe(std::array{static_cast<int>(kGroup)}).has_value();
}

void WireKernel::sendTo(std::uint32_t port, const Bytes& datagram) const {
  send(socket_.get(), port, 0, datagram);
}

std::vector<std::vector<std::uint16_t>> WireKernel::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

void WireKernel::serve(const std::stop_token& stop) {
  Bytes buffer(1 << 20);
  while (!stop.stop_requested()) {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const ssize_t size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
    if (size <= 0 || stop.stop_requested()) continue;
    const auto datagram = std::span<const std::byte>(buffer).first(static_cast<std::size_t>(size));
    std::vector<std::uint16_t> flags;
    netlink::forEachMessage(
        datagram, [&](const Received& request) { flags.push_back(request.header().nlmsg_flags); });
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(flags);
    }
    netlink::forEachMessage(datagram,
                            [&](const Received& request) { answer(request, from.nl_pid); });
  }
}

WireKernel::Faults WireKernel::takeFaults(const Received& request) {
  const std::lock_guard lock(mutex_);
  Faults faults = faults_;
  faults_.once.reset();
  const bool isDump = (request.header().nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (isDump && faults_.interruptedDumps > 0) --faults_.interruptedDumps;
  return faults;
}

void WireKernel::answer(const Received& request, std::uint32_t client) {
  const auto faults = takeFaults(request);
  if (faults.mute) return;
  if (faults.once) {
    sendTo(client, *faults.once);
    return;
  }
  const Answer answer = handler_(request);
  const auto flags = request.header().nlmsg_flags;
  if ((flags & NLM_F_DUMP) == NLM_F_DUMP && answer.error == 0) {
    answerDump(request, answer, client, faults);
    return;
  }
  for (const auto& reply : answer.replies) {
    sendTo(client, messageBytes(answer.type, 0, request.header().nlmsg_seq, client, reply));
  }
  if (answer.error == 0 && (flags & NLM_F_ACK) == 0) return;
  {
    const std::lock_guard lock(mutex_);
    if (faults_.lostAcks > 0) {
      --faults_.lostAcks;
      return;
    }
  }
  acknowledge(request, answer, client);
}

void WireKernel::answerDump(const Received& request, const Answer& answer, std::uint32_t client,
                            const Faults& faults) const {
  const auto sequence = request.header().nlmsg_seq;
  const std::uint16_t flags = NLM_F_MULTI | (faults.interruptedDumps > 0 ? NLM_F_DUMP_INTR : 0);
  // Two entries a datagram, so that there are several.
  Bytes datagram;
  for (std::size_t i = 0; i < answer.replies.size(); ++i) {
    append(datagram, messageBytes(answer.type, flags, sequence, client, answer.replies[i]));
    if (i % 2 == 1) {
      sendTo(client, datagram);
      datagram.clear();
    }
  }
  if (!faults.endless) {
    const int status = -faults.dumpStatus;
    Bytes payload;
    append(payload, bytesOf(status));
    append(datagram, messageBytes(NLMSG_DONE, flags, sequence, client, payload));
  }
  if (!datagram.empty()) sendTo(client, datagram);
}

void WireKernel::acknowledge(const Received& request, const Answer& answer,
                             std::uint32_t client) const {
  const nlmsgerr error{.error = -answer.error, .msg = request.header()};
  Bytes payload;
  append(payload, bytesOf(error));
  std::uint16_t flags = NLM_F_CAPPED;
  if (!answer.text.empty()) {
    flags |= NLM_F_ACK_TLVS;
    const nlattr attribute{
        .nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + answer.text.size() + 1),
        .nla_type = NLMSGERR_ATTR_MSG};
    append(payload, bytesOf(attribute));
    append(payload, std::as_bytes(std::span(answer.text.c_str(), answer.text.size() + 1)));
    payload.resize(NLMSG_ALIGN(payload.size()));
  }
  sendTo(client, messageBytes(NLMSG_ERROR, flags, request.header().nlmsg_seq, client, payload));
}

}  // namespace barevip::wire_test
