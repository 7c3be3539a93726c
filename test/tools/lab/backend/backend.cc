// SPDX-License-Identifier: Apache-2.0
// The backend of the cluster tests: answers every HTTP/1.1 and UDP request on one port, IPv4 and
// IPv6, with
//   pod=POD_NAME node=NODE_NAME client=ADDRESS
// where ADDRESS is the client as this server saw it. Environment: POD_NAME, NODE_NAME, PORT (8080),
// GRACE_SECONDS (0): how long it serves on after SIGTERM.
// Paths: /slow?ms=N answers after N milliseconds; /stream?ms=N sends a line with a number every N
// (100) milliseconds until the client leaves; every other path, /ready included, answers at once.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace {

constexpr std::size_t kMaxRequest = 16384;

std::string environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

// The peer's address as people write it: an IPv4 client of a dual-stack socket without its ::ffff:
// prefix.
std::string addressText(const sockaddr_in6& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr)) {
    inet_ntop(AF_INET, &peer.sin6_addr.s6_addr[12], text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &peer.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

// Who answers whom; without the line's end.
class Identity {
 public:
  std::string line(const sockaddr_in6& peer) const {
    return "pod=" + pod_ + " node=" + node_ + " client=" + addressText(peer);
  }

 private:
  std::string pod_ = environment("POD_NAME", "unknown");
  std::string node_ = environment("NODE_NAME", "unknown");
};

// A number from the query of a request's path, as in /slow?ms=50.
long queryNumber(std::string_view path, std::string_view key, long fallback) {
  const std::string wanted = std::string(key) + "=";
  const auto at = path.find(wanted);
  return at == std::string_view::npos
             ? fallback
             : std::strtol(std::string(path.substr(at + wanted.size())).c_str(), nullptr, 10);
}

int openSocket(int type, std::uint16_t port) {
  const int socketFd = ::socket(AF_INET6, type, 0);
  const int yes = 1;
  const int no = 0;
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_addr = in6addr_any;
  any.sin6_port = htons(port);
  ::setsockopt(socketFd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ::setsockopt(socketFd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (socketFd < 0 || ::bind(socketFd, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
      (type == SOCK_STREAM && ::listen(socketFd, 1024) != 0)) {
    std::fprintf(stderr, "backend: cannot serve on port %u: %s\n", port, std::strerror(errno));
    std::exit(1);
  }
  return socketFd;
}

// One HTTP connection, served by the thread that calls serve().
class Connection {
 public:
  Connection(int fd, std::string line) : fd_(fd), line_(std::move(line)) {}
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void serve() {
    while (readHead()) {
      const auto firstSpace = head_.find(' ');
      const auto secondSpace = head_.find(' ', firstSpace + 1);
      if (firstSpace == std::string::npos || secondSpace == std::string::npos) {
        return;
      }
      const std::string path = head_.substr(firstSpace + 1, secondSpace - firstSpace - 1);
      const bool last = head_.find(" HTTP/1.0\r\n") != std::string::npos ||
                        strcasestr(head_.c_str(), "\r\nconnection: close") != nullptr;
      if (!discardBody() || !answer(path, last) || last) {
        return;
      }
    }
  }

 private:
  bool answer(const std::string& path, bool last) {
    if (path.starts_with("/stream")) {
      stream(std::chrono::milliseconds(queryNumber(path, "ms", 100)));
      return false;
    }
    if (path.starts_with("/slow")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(queryNumber(path, "ms", 1000)));
    }
    const std::string body = line_ + "\n";
    return send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                std::to_string(body.size()) + (last ? "\r\nConnection: close" : "") + "\r\n\r\n" +
                body);
  }

  void stream(std::chrono::milliseconds interval) {
    if (!send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")) {
      return;
    }
    for (unsigned long number = 0; send(line_ + " number=" + std::to_string(number) + "\n");
         ++number) {
      std::this_thread::sleep_for(interval);
    }
  }

  // Leaves one request's head, its empty line included, in head_ and what follows in buffer_.
  bool readHead() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (buffer_.size() > kMaxRequest || !receive()) {
        return false;
      }
    }
    head_ = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    return true;
  }

  bool discardBody() {
    const char* header = strcasestr(head_.c_str(), "\r\ncontent-length:");
    if (header == nullptr) {
      return true;
    }
    std::size_t left = std::strtoul(header + std::strlen("\r\ncontent-length:"), nullptr, 10);
    while (left > buffer_.size()) {
      left -= buffer_.size();
      buffer_.clear();
      if (!receive()) {
        return false;
      }
    }
    buffer_.erase(0, left);
    return true;
  }

  bool receive() {
    std::array<char, 4096> chunk;
    const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (got <= 0) {
      return false;
    }
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    return true;
  }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  int fd_;
  std::string line_;
  std::string head_;
  std::string buffer_;
};

// Accepts connections for ever, a thread for each; threads that have ended are joined at the next
// one.
void serveHttp(int listener, const Identity& identity) {
  struct Worker {
    std::atomic<bool> ended = false;
    std::jthread thread;
  };
  std::list<Worker> workers;
  const int yes = 1;
  for (;;) {
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    const int fd = ::accept(listener, reinterpret_cast<sockaddr*>(&peer), &size);
    workers.remove_if([](const Worker& worker) { return worker.ended.load(); });
    if (fd < 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      continue;
    }
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Worker& worker = workers.emplace_back();
    worker.thread = std::jthread([fd, line = identity.line(peer), &worker] {
      Connection(fd, line).serve();
      worker.ended = true;
    });
  }
}

void serveUdp(int socketFd, const Identity& identity) {
  std::array<char, 2048> datagram;
  for (;;) {
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    if (::recvfrom(socketFd, datagram.data(), datagram.size(), 0,
                   reinterpret_cast<sockaddr*>(&peer), &size) >= 0) {
      const std::string line = identity.line(peer) + "\n";
      ::sendto(socketFd, line.data(), line.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
    }
  }
}

// Prints the answer to one request on a connection of its own.
int ask(std::string_view kind, const char* address, const char* port) {
  // IPv4 goes through the same kind of socket in its mapped form.
  const std::string text =
      std::strchr(address, ':') != nullptr ? address : "::ffff:" + std::string(address);
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(static_cast<std::uint16_t>(std::strtoul(port, nullptr, 10)));
  if (::inet_pton(AF_INET6, text.c_str(), &to.sin6_addr) != 1) {
    std::fprintf(stderr, "backend: %s is no IP address\n", address);
    return 2;
  }
  const int fd = ::socket(AF_INET6, kind == "udp" ? SOCK_DGRAM : SOCK_STREAM, 0);
  const timeval patience{3, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const std::string_view request = "GET / HTTP/1.0\r\n\r\n";
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> chunk;
    for (ssize_t got = 0; (got = ::recv(fd, chunk.data(), chunk.size(), 0)) > 0;) {
      answer.append(chunk.data(), static_cast<std::size_t>(got));
      if (kind == "udp") break;
    }
  }
  if (answer.empty()) {
    std::fprintf(stderr, "backend: no answer from %s port %s: %s\n", address, port,
                 std::strerror(errno));
    return 1;
  }
  const auto body = answer.find("\r\n\r\n");
  std::fputs(answer.c_str() + (body == std::string::npos ? 0 : body + 4), stdout);
  ::close(fd);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // `backend ask tcp|udp ADDRESS PORT COUNT`: so many requests, so that a pod can be a client, too.
  if (argc == 6 && std::string_view(argv[1]) == "ask") {
    for (long left = std::atol(argv[5]); left > 0; --left) {
      if (const int status = ask(argv[2], argv[3], argv[4]); status != 0) {
        return status;
      }
    }
    return 0;
  }
  // Blocked in every thread and waited for here: as process 1 of a container it would be ignored
  // otherwise.
  sigset_t stopSignals;
  sigemptyset(&stopSignals);
  sigaddset(&stopSignals, SIGTERM);
  sigaddset(&stopSignals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stopSignals, nullptr);

  const Identity identity;
  const auto port = static_cast<std::uint16_t>(std::stoul(environment("PORT", "8080")));
  const int listener = openSocket(SOCK_STREAM, port);
  const int datagrams = openSocket(SOCK_DGRAM, port);
  const std::jthread http([&] { serveHttp(listener, identity); });
  const std::jthread udp([&] { serveUdp(datagrams, identity); });

  int received = 0;
  sigwait(&stopSignals, &received);
  timespec grace{std::stol(environment("GRACE_SECONDS", "0")), 0};
  sigtimedwait(&stopSignals, nullptr, &grace);  // a second signal ends the grace
  ::_exit(0);
}
