// SPDX-License-Identifier: Apache-2.0
#include "common/base/http_get.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/base/file_descriptor.h"
#include "common/base/stop_event.h"

namespace barevip {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kAnswerLimit = 4096;

Error unavailable(const std::string& what, int number) {
  return {
      ErrorCode::kUnavailable, what + ": " + std::generic_category().message(number), number, {}};
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socketAddress(const IpAddress& address, std::uint16_t port) {
  SocketAddress result;
  const auto bytes = address.bytes();
  if (address.isIpv4()) {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    std::memcpy(&target.sin_addr, bytes.data(), sizeof target.sin_addr);
    std::memcpy(&result.storage, &target, sizeof target);
    result.size = sizeof target;
  } else {
    sockaddr_in6 target{};
    target.sin6_family = AF_INET6;
    target.sin6_port = htons(port);
    std::memcpy(&target.sin6_addr, bytes.data(), sizeof target.sin6_addr);
    std::memcpy(&result.storage, &target, sizeof target);
    result.size = sizeof target;
  }
  return result;
}

/// Waits until the socket is ready for `events`.
Result<void> await(const std::string& peer, int socket, short events, SteadyClock::time_point end,
                   const StopEvent& stop) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - SteadyClock::now());
    if (left.count() <= 0) return fail(ErrorCode::kTimeout, peer + " did not answer in time");
    std::array<pollfd, 2> fds{{{stop.get(), POLLIN, 0}, {socket, events, 0}}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
      return tl::make_unexpected(unavailable("poll", errno));
    }
    if (fds[0].revents != 0) return fail(ErrorCode::kStopped, "stopped while asking " + peer);
    if (fds[1].revents != 0) return {};
  }
}

Result<FileDescriptor> connectTo(const std::string& peer, const SocketAddress& target,
                                 SteadyClock::time_point end, const StopEvent& stop) {
  FileDescriptor fd(
      ::socket(target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return tl::make_unexpected(unavailable("cannot open a socket", errno));
  int number = 0;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target.storage), target.size) != 0) {
    number = errno;
  }
  if (number == EINPROGRESS) {
    if (auto ready = await(peer, fd.get(), POLLOUT, end, stop); !ready) {
      return tl::make_unexpected(ready.error());
    }
    socklen_t size = sizeof(number);
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &number, &size);
  }
  if (number != 0) return tl::make_unexpected(unavailable("cannot connect to " + peer, number));
  return fd;
}

std::optional<std::string_view> bodyOf(std::string_view answer) {
  constexpr std::string_view kStatusLine = "HTTP/1.x 200";
  if (answer.size() < kStatusLine.size() || !answer.starts_with("HTTP/1.") ||
      answer.substr(8, 4) != " 200") {
    return std::nullopt;
  }
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  return answer.substr(end + 4);
}

}  // namespace

Result<std::string> httpGet(const IpAddress& address, std::uint16_t port, const std::string& path,
                            std::chrono::milliseconds deadline, const std::stop_token& stop) {
  const StopEvent stopEvent(stop);
  const SteadyClock::time_point end = SteadyClock::now() + deadline;
  const std::string host = address.isIpv4() ? address.toString() : "[" + address.toString() + "]";
  const std::string peer = host + ":" + std::to_string(port);
  const auto socket = connectTo(peer, socketAddress(address, port), end, stopEvent);
  if (!socket) return tl::make_unexpected(socket.error());
  const std::string request =
      "GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  // A fresh connection's send buffer takes so few bytes at once.
  if (::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return fail(ErrorCode::kUnavailable, peer + " does not take a request");
  }
  std::string answer;
  std::array<char, kAnswerLimit> buffer;
  while (answer.size() < kAnswerLimit) {
    if (auto ready = await(peer, socket->get(), POLLIN, end, stopEvent); !ready) {
      return tl::make_unexpected(ready.error());
    }
    const ssize_t got = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const auto body = bodyOf(answer);
  if (!body) return fail(ErrorCode::kInvalid, peer + " does not answer by HTTP with status 200");
  return std::string(*body);
}

}  // namespace barevip
