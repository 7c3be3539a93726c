// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "common/obs/http_exchange.h"

namespace barevip::obs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxClients = 32;
constexpr std::chrono::milliseconds kClientTime{5'000};
constexpr std::chrono::seconds kShared{1};  // a page is the same for all who ask within it
constexpr std::chrono::milliseconds kScarcePause{100};  // when there is no descriptor for a client

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
  FileDescriptor fd(
      socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info.ai_protocol));
  if (!fd.valid()) return fd;
  const int one = 1;
  const int zero = 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (info.ai_family == AF_INET6)
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  if (bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

// For poll(): rounded up, so that it does not return just before the time.
int timeout(steady_clock::duration left) {
  constexpr std::chrono::milliseconds kLongest{60'000};
  if (left >= kLongest) return -1;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
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

HttpExchange::Reply bytesOf(const HttpAnswer& answer) {
  std::string head = "HTTP/1.0 " + std::to_string(answer.status) + " " + reason(answer.status);
  head.append("\r\nContent-Type: ").append(answer.contentType);
  head.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  head.append("\r\nConnection: close\r\n\r\n").append(answer.body);
  return std::make_shared<const std::string>(std::move(head));
}

}  // namespace

Result<std::uint16_t> HttpServer::start(const std::string& address) {
  const auto target = split(address);
  if (!target) {
    return fail(ErrorCode::kInvalid, "\"" + address +
                                         "\" is not a listen address: write 127.0.0.1:8080, "
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
  const auto reply = [this](std::string_view request) { return replyTo(request); };
  std::list<HttpExchange> clients;  // in the order in which they came
  HttpExchange::Time acceptFrom{};
  std::vector<pollfd> waits;
  while (!stop.stop_requested()) {
    const auto now = steady_clock::now();
    while (!clients.empty() && clients.front().deadline() <= now) clients.pop_front();
    const bool accepting = acceptFrom <= now;
    auto next = accepting ? HttpExchange::Time::max() : acceptFrom;
    if (!clients.empty()) next = std::min(next, clients.front().deadline());

    waits.clear();
    waits.push_back({wake_.get(), POLLIN, 0});
    waits.push_back({listener_.get(), static_cast<short>(accepting ? POLLIN : 0), 0});
    for (const HttpExchange& client : clients) waits.push_back({client.fd(), client.events(), 0});
    if (poll(waits.data(), waits.size(), timeout(next - now)) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    auto wait = waits.cbegin() + 2;
    clients.remove_if(
        [&](HttpExchange& client) { return (wait++)->revents != 0 && !client.proceed(reply); });
    if ((waits[1].revents & POLLIN) == 0) continue;

    FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.valid()) {
      if (clients.size() == kMaxClients) clients.pop_front();
      clients.emplace_back(std::move(client), steady_clock::now() + kClientTime);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The client stays in the kernel's queue, so poll() would return at once.
      acceptFrom = steady_clock::now() + kScarcePause;
    }
  }
}

HttpExchange::Reply HttpServer::replyTo(std::string_view request) {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const auto space = line.find(' ');
  if (line.substr(0, space) != "GET") return bytesOf({405, "only GET is served here\n"});
  if (space != std::string_view::npos) {
    const std::string_view rest = line.substr(space + 1);
    const auto page = pages_.find(std::string(rest.substr(0, rest.find_first_of(" ?"))));
    if (page != pages_.end()) return replyOf(page->second);
  }
  return bytesOf({404, "no such page: try /healthz, /readyz or /metrics\n"});
}

HttpExchange::Reply HttpServer::replyOf(Page& page) {
  auto reply = page.reply.lock();
  const auto now = steady_clock::now();
  if (reply && now - page.made < kShared) return reply;
  reply = bytesOf(page.handler());
  page.reply = reply;
  page.made = now;
  return reply;
}

}  // namespace barevip::obs
