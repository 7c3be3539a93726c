// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/kube_proxy_mode.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/file_descriptor.h"
#include "ipvsnode/host/stop_event.h"
#include "ipvsnode/host/system_error.h"

namespace barevip::host {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kAnswerLimit = 4096;

/// Waits until the socket is ready for `events`.
Result<void> await(int socket, short events, Clock::time_point end, const StopEvent& stop) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return fail(ErrorCode::kTimeout, "kube-proxy did not answer in time");
    std::array<pollfd, 2> fds{{{stop.get(), POLLIN, 0}, {socket, events, 0}}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
      return tl::make_unexpected(systemError("poll", errno));
    }
    if (fds[0].revents != 0) return fail(ErrorCode::kStopped, "stopped while asking kube-proxy");
    if (fds[1].revents != 0) return {};
  }
}

Result<FileDescriptor> connectLoopback(std::uint16_t port, Clock::time_point end,
                                       const StopEvent& stop) {
  FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return tl::make_unexpected(systemError("cannot open a socket", errno));
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(port);
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_storage address{};
  std::memcpy(&address, &target, sizeof(target));
  int number = 0;
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(target)) != 0) {
    number = errno;
  }
  if (number == EINPROGRESS) {
    if (auto ready = await(fd.get(), POLLOUT, end, stop); !ready) {
      return tl::make_unexpected(ready.error());
    }
    socklen_t size = sizeof(number);
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &number, &size);
  }
  if (number != 0) {
    Error error =
        systemError("kube-proxy does not listen on 127.0.0.1:" + std::to_string(port), number);
    error.code = ErrorCode::kUnavailable;
    return tl::make_unexpected(error);
  }
  return fd;
}

/// The body of an HTTP answer with status 200.
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

bool shows(CommandRunner& runner, const Command& command, const std::stop_token& stop) {
  const auto output = runner.run(command, stop);
  return output && output->status == 0 && !output->output.empty();
}

}  // namespace

std::string_view toString(KubeProxyMode mode) {
  switch (mode) {
    case KubeProxyMode::kIptables:
      return "iptables";
    case KubeProxyMode::kIpvs:
      return "ipvs";
    case KubeProxyMode::kNftables:
      return "nftables";
    case KubeProxyMode::kNone:
      return "none";
    case KubeProxyMode::kUnknown:
      return "unknown";
  }
  return "unknown";
}

KubeProxyMode parseProxyMode(std::string_view body) {
  const std::size_t end = body.find_last_not_of(" \r\n\t");
  body = end == std::string_view::npos ? std::string_view() : body.substr(0, end + 1);
  for (const KubeProxyMode mode :
       {KubeProxyMode::kIptables, KubeProxyMode::kIpvs, KubeProxyMode::kNftables}) {
    if (body == toString(mode)) return mode;
  }
  return KubeProxyMode::kUnknown;
}

Result<KubeProxyMode> askKubeProxy(std::uint16_t port, std::chrono::milliseconds deadline,
                                   const std::stop_token& stop) {
  const StopEvent stopEvent(stop);
  const Clock::time_point end = Clock::now() + deadline;
  const auto socket = connectLoopback(port, end, stopEvent);
  if (!socket) return tl::make_unexpected(socket.error());
  const std::string request =
      "GET /proxyMode HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  // A fresh connection's send buffer takes so few bytes at once.
  if (::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return fail(ErrorCode::kUnavailable, "kube-proxy does not take a request");
  }
  std::string answer;
  std::array<char, kAnswerLimit> buffer;
  while (answer.size() < kAnswerLimit) {
    if (auto ready = await(socket->get(), POLLIN, end, stopEvent); !ready) {
      return tl::make_unexpected(ready.error());
    }
    const ssize_t got = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const auto body = bodyOf(answer);
  if (!body) {
    return fail(ErrorCode::kInvalid, "what listens on 127.0.0.1:" + std::to_string(port) +
                                         " does not answer as kube-proxy does");
  }
  return parseProxyMode(*body);
}

KubeProxyMode detectKubeProxyMode(CommandRunner& runner, const std::stop_token& stop,
                                  std::uint16_t port) {
  const auto answer = askKubeProxy(port, std::chrono::seconds(2), stop);
  if (answer && *answer != KubeProxyMode::kUnknown) return *answer;
  if (::if_nametoindex("kube-ipvs0") != 0) return KubeProxyMode::kIpvs;
  const std::chrono::milliseconds deadline{10'000};
  const Command tables{"nft", {"list", "tables"}, {}, deadline, [](std::string_view line) {
                         return line.ends_with(" kube-proxy");
                       }};
  if (shows(runner, tables, stop)) return KubeProxyMode::kNftables;
  for (const char* program : {"iptables-nft-save", "iptables-legacy-save"}) {
    const Command chains{program, {"-t", "nat"}, {}, deadline, [](std::string_view line) {
                           return line.starts_with(":KUBE-SERVICES ");
                         }};
    if (shows(runner, chains, stop)) return KubeProxyMode::kIptables;
  }
  return answer ? KubeProxyMode::kUnknown : KubeProxyMode::kNone;
}

Result<void> hostPlacementAllowed(KubeProxyMode mode) {
  const std::string mending =
      "; use --placement=director (the default), or run kube-proxy in iptables mode";
  switch (mode) {
    case KubeProxyMode::kIptables:
    case KubeProxyMode::kNone:
      return {};
    case KubeProxyMode::kIpvs:
      return fail(ErrorCode::kUnsupported,
                  "--placement=host is not possible here: kube-proxy runs in ipvs mode and deletes "
                  "virtual servers that are not its own" +
                      mending);
    case KubeProxyMode::kNftables:
      return fail(ErrorCode::kUnsupported,
                  "--placement=host is not possible here: kube-proxy runs in nftables mode and "
                  "flushes all of IPVS at each of its starts" +
                      mending);
    case KubeProxyMode::kUnknown:
      break;
  }
  return fail(ErrorCode::kUnsupported,
              "--placement=host is not possible here: kube-proxy runs in a mode that is not known, "
              "and may delete virtual servers that are not its own" +
                  mending);
}

}  // namespace barevip::host
