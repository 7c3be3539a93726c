// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>

namespace barevip::obs {
namespace {

constexpr std::size_t kMaxRequest = 4096;
constexpr std::chrono::milliseconds kClientTime{1000};

struct HostPort {
  std::string host;
  std::string port;
};

std::optional<HostPort> split(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) return std::nullopt;
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return std::nullopt;
  }
  const std::string port = address.substr(colon + 1);
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoi(port) > 65535) {
    return std::nullopt;
  }
  return HostPort{host, port};
}

FileDescriptor listenOn(const addrinfo& info) {
  FileDescriptor fd(socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC, info.ai_protocol));
  if (!fd.valid()) return fd;
  const int one = 1;
  const int zero = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (info.ai_family == AF_INET6)
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  if (bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 || listen(fd.get(), 16) != 0) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

}  // namespace

Result<std::uint16_t> HttpServer::start(const std::string& address) {
  const auto target = split(address);
  if (!target) {
    return fail(ErrorCode::kInvalid, "\"" + address +
                                         "\" is no listen address: write 127.0.0.1:8080, "
                                         "[::1]:8080 or :8080");
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  // ":port" means both families: one IPv6 socket that takes IPv4 too, unless IPv6 is off.
  const bool any = target->host.empty();
  const char* const host = any ? nullptr : target->host.c_str();
  addrinfo* found = nullptr;
  if (const int rc = getaddrinfo(host, target->port.c_str(), &hints, &found); rc != 0) {
    return fail(ErrorCode::kInvalid, "cannot listen on " + address + ": " + gai_strerror(rc));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> infos(found, freeaddrinfo);
  for (const int family : {AF_INET6, AF_INET}) {
    for (const addrinfo* info = found; info != nullptr && !listener_.valid();
         info = info->ai_next) {
      if (info->ai_family == family) listener_ = listenOn(*info);
    }
  }
  if (!listener_.valid()) {
    const int error = errno;
    return fail(ErrorCode::kUnavailable,
                "cannot listen on " + address + ": " + std::strerror(error) +
                    "; choose another address by --metrics-address",
                error);
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  const auto port = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                : reinterpret_cast<sockaddr_in*>(&bound)->sin_port;
  wake_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  return ntohs(port);
}

void HttpServer::serve(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { eventfd_write(wake_.get(), 1); });
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> waits{pollfd{listener_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if ((waits[0].revents & POLLIN) == 0) continue;
    const FileDescriptor client(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.valid()) answer(client.get());
  }
}

void HttpServer::answer(int client) const {
  const auto deadline = std::chrono::steady_clock::now() + kClientTime;
  const auto ready = [&](short events) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{client, events, 0};
    return left.count() > 0 && poll(&wait, 1, static_cast<int>(left.count())) > 0;
  };

  std::string request;
  std::array<char, 1024> buffer{};
  while (request.find("\r\n\r\n") == std::string::npos) {
    if (request.size() > kMaxRequest || !ready(POLLIN)) return;
    const ssize_t count = recv(client, buffer.data(), buffer.size(), 0);
    if (count <= 0) return;
    request.append(buffer.data(), static_cast<std::size_t>(count));
  }

  HttpAnswer result{404, "no such page: try /healthz, /readyz or /metrics\n"};
  const std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
  const auto space = line.find(' ');
  if (line.substr(0, space) != "GET") {
    result = {405, "only GET is served here\n"};
  } else if (space != std::string_view::npos) {
    const std::string_view rest = line.substr(space + 1);
    const auto handler = handlers_.find(std::string(rest.substr(0, rest.find_first_of(" ?"))));
    if (handler != handlers_.end()) result = handler->second();
  }
  std::string reply = "HTTP/1.0 " + std::to_string(result.status) + " " + reason(result.status) +
                      "\r\nContent-Type: " + result.contentType +
                      "\r\nContent-Length: " + std::to_string(result.body.size()) +
                      "\r\nConnection: close\r\n\r\n" + result.body;
  std::string_view left = reply;
  while (!left.empty()) {
    if (!ready(POLLOUT)) return;
    const ssize_t count = send(client, left.data(), left.size(), MSG_NOSIGNAL);
    if (count < 0) return;
    left.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace barevip::obs
