// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"

#include "common/obs/connection.h"
#include "common/obs/event_stream.h"
#include "common/obs/http_exchange.h"

namespace barevip::obs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxClients = 32;
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
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

constexpr std::string_view kEndOfHead = "\r\n\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Without regard to case; start: in small letters.
bool startsWith(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char wanted, char c) { return wanted == lower(c); });
}

// name: in small letters, with its colon. Empty: it is not there.
std::string headerOf(std::string_view request, std::string_view name) {
  for (auto end = request.find("\r\n"); end != std::string_view::npos;) {
    const std::string_view rest = request.substr(end + 2);
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    if (startsWith(line, name)) {
      std::string value(line.substr(name.size()));
      value.erase(0, value.find_first_not_of(" \t"));
      value.erase(value.find_last_not_of(" \t") + 1);
      return value;
    }
    end = request.find("\r\n", end + 2);
  }
  return {};
}

// The value of the header Host, without the port; empty: it is not there.
std::string hostOf(std::string_view request) {
  std::string host = headerOf(request, "host:");
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) host.erase(colon);
  std::transform(host.begin(), host.end(), host.begin(), lower);
  return host;
}

// RFC 6750, 2.1. Empty: there is none.
std::string bearerTokenOf(std::string_view request) {
  constexpr std::string_view kScheme = "bearer ";
  std::string value = headerOf(request, "authorization:");
  if (!startsWith(value, kScheme)) return {};
  value.erase(0, value.find_first_not_of(' ', kScheme.size()));
  return value;
}

// A name, whose owner could let it lead here. A client that is not a browser need not say a host.
bool isName(std::string host) {
  if (host.empty() || host == "localhost") return false;
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return !IpAddress::parse(host).has_value();
}

}  // namespace

// What the thread needs.
Result<void> HttpServer::prepare() {
  if (settings_.tls.enabled) {
    auto tls = TlsServer::open(settings_.tls);
    if (!tls) return tl::make_unexpected(std::move(tls.error()));
    tls_ = std::move(*tls);
  }
  wake_ = std::make_shared<FileDescriptor>(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const auto wake = [wake = wake_] { eventfd_write(wake->get(), 1); };
  for (const auto& [path, stream] : streams_) stream.events->setOnPublish(wake);
  for (const auto& [path, page] : pages_) {
    if (page.gate != nullptr) page.gate->setOnVerdict(wake);
  }
  return {};
}

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
                    "; choose another address by " + settings_.flag,
                error);
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  const auto port = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                : reinterpret_cast<sockaddr_in*>(&bound)->sin_port;
  if (auto prepared = prepare(); !prepared) {
    return tl::make_unexpected(std::move(prepared.error()));
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  return ntohs(port);
}

// nullopt: there is no memory for TLS, and nobody is served without.
std::optional<Connection> HttpServer::connectionOf(FileDescriptor client) {
  if (!tls_) return Connection(std::move(client), nullptr);
  auto session = tls_->accept(client.get());
  if (!session) return std::nullopt;
  return Connection(std::move(client), std::move(session));
}

void HttpServer::serve(const std::stop_token& stop) {
  sigset_t pipe;  // OpenSSL writes without MSG_NOSIGNAL
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  const std::stop_callback wake(stop, [this] { eventfd_write(wake_->get(), 1); });
  const auto reply = [this](std::string_view request) { return replyTo(request); };
  std::list<HttpExchange> clients;  // in the order in which they came
  std::list<EventReader> readers;
  HttpExchange::Time acceptFrom{};
  std::vector<pollfd> waits;
  while (!stop.stop_requested()) {
    const auto now = steady_clock::now();
    while (!clients.empty() && clients.front().deadline() <= now) clients.pop_front();
    const bool accepting = acceptFrom <= now;
    auto next = accepting ? HttpExchange::Time::max() : acceptFrom;
    if (!clients.empty()) next = std::min(next, clients.front().deadline());
    for (const EventReader& reader : readers) next = std::min(next, reader.next());

    waits.clear();
    waits.push_back({wake_->get(), POLLIN, 0});
    waits.push_back({listener_.get(), static_cast<short>(accepting ? POLLIN : 0), 0});
    for (const HttpExchange& client : clients) waits.push_back({client.fd(), client.events(), 0});
    for (const EventReader& reader : readers) waits.push_back({reader.fd(), reader.events(), 0});
    if (poll(waits.data(), waits.size(), timeout(std::max(next, now) - now)) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    eventfd_t published = 0;
    eventfd_read(wake_->get(), &published);
    auto wait = waits.cbegin() + 2;
    auto readerWait = wait + static_cast<std::ptrdiff_t>(clients.size());
    const auto after = steady_clock::now();
    readers.remove_if(
        [&](EventReader& reader) { return !reader.proceed((readerWait++)->revents, after); });
    clients.remove_if([&](HttpExchange& client) {
      const short revents = (wait++)->revents;
      if ((revents == 0 && !client.asked()) || client.proceed(revents, reply)) return false;
      if (const auto* const streamed = client.streamed()) {
        readers.emplace_back(client.release(), *streamed->stream, streamed->bytes, after);
      }
      return true;
    });
    if ((waits[1].revents & POLLIN) == 0) continue;

    FileDescriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.valid()) {
      if (clients.size() == kMaxClients) clients.pop_front();
      auto connection = connectionOf(std::move(client));
      if (connection) {
        clients.emplace_back(std::move(*connection), steady_clock::now() + settings_.clientTime);
      }
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The client stays in the kernel's queue, so poll() would return at once.
      acceptFrom = steady_clock::now() + kScarcePause;
    }
  }
}

std::optional<HttpExchange::Reply> HttpServer::replyTo(std::string_view request) {
  if (request.size() > HttpExchange::kMaxRequest) {
    return HttpExchange::Reply{bytesOf({431, "the head of the request is longer than 16 KiB\n"})};
  }
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const auto space = line.find(' ');
  const std::string_view method = line.substr(0, space);
  if (method != "GET" && method != "HEAD") {
    return HttpExchange::Reply{bytesOf({405, "only GET and HEAD are served here\n"})};
  }
  if (settings_.refusesNames && isName(hostOf(request))) {
    return HttpExchange::Reply{bytesOf({421,
                                        "only localhost and IP addresses are served as the host: "
                                        "open http://localhost with the port\n"})};
  }
  std::string path;
  if (space != std::string_view::npos) {
    const std::string_view rest = line.substr(space + 1);
    path = rest.substr(0, rest.find_first_of(" ?"));
  }
  auto reply = replyTo(path, request);
  if (method == "GET" || !reply) return reply;
  return HttpExchange::Reply{std::make_shared<const std::string>(
      reply->bytes->substr(0, reply->bytes->find(kEndOfHead) + kEndOfHead.size()))};
}

std::optional<HttpExchange::Reply> HttpServer::replyTo(const std::string& path,
                                                       std::string_view request) {
  if (const auto stream = streams_.find(path); stream != streams_.end()) {
    const auto [events, most] = stream->second;
    if (events->readers() >= most) {
      return HttpExchange::Reply{
          bytesOf({503, "there are " + std::to_string(most) +
                            " readers of these events already: close one of them\n"})};
    }
    std::string head = "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n";
    head.append(settings_.headers).append("Connection: close\r\n\r\nretry: 2000\n\n");
    return HttpExchange::Reply{std::make_shared<const std::string>(std::move(head)), events};
  }
  const auto page = pages_.find(path);
  if (page != pages_.end()) {
    if (Gate* const gate = page->second.gate; gate != nullptr) {
      const auto verdict = gate->ask(bearerTokenOf(request));
      if (!verdict) return std::nullopt;
      if (verdict->status != 200) {
        return HttpExchange::Reply{bytesOf({verdict->status, verdict->sentence})};
      }
    }
    return HttpExchange::Reply{bytesOf(page->second)};
  }
  return HttpExchange::Reply{bytesOf({404, "no such page: try " + knownPaths() + "\n"})};
}

Outgoing::Bytes HttpServer::bytesOf(const HttpAnswer& answer) const {
  std::string head = "HTTP/1.0 " + std::to_string(answer.status) + " " + reason(answer.status);
  head.append("\r\nContent-Type: ").append(answer.contentType);
  head.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  head.append("\r\n").append(settings_.headers);
  if (answer.status == 401) head.append("WWW-Authenticate: Bearer\r\n");  // RFC 9110, 11.6.1
  head.append("Connection: close").append(kEndOfHead).append(answer.body);
  return std::make_shared<const std::string>(std::move(head));
}

Outgoing::Bytes HttpServer::bytesOf(Page& page) const {
  auto reply = page.reply.lock();
  const auto now = steady_clock::now();
  if (reply && now - page.made < kShared) return reply;
  reply = bytesOf(page.handler());
  page.reply = reply;
  page.made = now;
  return reply;
}

std::string HttpServer::knownPaths() const {
  std::string all;
  for (const auto& [path, page] : pages_) all.append(all.empty() ? "" : ", ").append(path);
  return all;
}

}  // namespace barevip::obs
