// SPDX-License-Identifier: Apache-2.0
// Both ends of the traffic of `test/bench dataplane`. Without arguments it serves port 8080: it
// answers what begins with 'c' with one byte, and sends without end to what begins with 's'.
//   traffic rate ADDRESS PORT SECONDS CONNECTIONS        prints connections a second
//   traffic throughput ADDRESS PORT SECONDS CONNECTIONS  prints megabits a second
// so many connections at a time. What fails counts for nothing, and is tried again.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/file_descriptor.h"

namespace barevip::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::uint16_t kServed = 8080;
constexpr std::size_t kChunk = 256U << 10U;

int complain(const char* what) {
  std::fprintf(stderr, "traffic: %s: %s\n", what, std::strerror(errno));
  return 1;
}

void answer(FileDescriptor connection) {
  char kind = 0;
  if (::recv(connection.get(), &kind, 1, 0) != 1) return;
  if (kind == 'c') {
    ::send(connection.get(), &kind, 1, MSG_NOSIGNAL);
    ::recv(connection.get(), &kind, 1, 0);  // the client ends it
    return;
  }
  const std::vector<char> chunk(kChunk, 'x');
  while (::send(connection.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
  }
}

int serve() {
  const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(kServed);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
      ::listen(listener.get(), 4096) != 0) {
    return complain("cannot serve");
  }
  // The same few threads for all: what is measured is the way to here.
  constexpr std::size_t kServers = 16;
  std::vector<std::jthread> servers;
  for (std::size_t i = 0; i < kServers; ++i) {
    servers.emplace_back([&] {
      for (;;) {
        FileDescriptor connection(::accept(listener.get(), nullptr, nullptr));
        if (connection.valid()) answer(std::move(connection));
      }
    });
  }
  return 0;
}

/// A connection that is reset when it ends: it leaves no port in TIME_WAIT.
FileDescriptor connectTo(const sockaddr_in& to) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const linger reset{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const timeval patience{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    socket.reset();
  }
  return socket;
}

/// Bytes that one connection brings until the end; of a refused or silent one none.
std::size_t receive(int socket, steady_clock::time_point end) {
  std::size_t got = 0;
  std::vector<char> chunk(kChunk);
  while (steady_clock::now() < end) {
    const ssize_t size = ::recv(socket, chunk.data(), chunk.size(), 0);
    if (size <= 0) break;
    got += static_cast<std::size_t>(size);
  }
  return got;
}

/// How much one client got until the end: answered connections, or bytes.
std::size_t client(const sockaddr_in& to, bool throughput, steady_clock::time_point end) {
  const char kind = throughput ? 's' : 'c';
  std::size_t got = 0;
  while (steady_clock::now() < end) {
    const FileDescriptor socket = connectTo(to);
    if (!socket.valid() || ::send(socket.get(), &kind, 1, MSG_NOSIGNAL) != 1) continue;
    char answer = 0;
    if (throughput) {
      got += receive(socket.get(), end);
    } else if (::recv(socket.get(), &answer, 1, 0) == 1) {
      ++got;
    }
  }
  return got;
}

int load(const char* const* words) {
  const bool throughput = std::string_view(words[0]) == "throughput";
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(words[2], nullptr, 10)));
  if (::inet_pton(AF_INET, words[1], &to.sin_addr) != 1) return complain(words[1]);
  const double seconds = std::strtod(words[3], nullptr);
  const std::size_t connections = std::strtoul(words[4], nullptr, 10);
  std::atomic<std::size_t> sum{0};
  const auto start = steady_clock::now();
  const auto end = start + std::chrono::duration_cast<steady_clock::duration>(
                               std::chrono::duration<double>(seconds));
  {
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < connections; ++i) {
      clients.emplace_back([&] { sum += client(to, throughput, end); });
    }
  }
  const double took = std::chrono::duration<double>(steady_clock::now() - start).count();
  const auto got = static_cast<double>(sum.load());
  if (sum == 0) {
    std::fprintf(stderr, "traffic: no answer from %s\n", words[1]);
    return 1;
  }
  std::printf("%.1f\n", throughput ? got * 8 / 1e6 / took : got / took);
  return 0;
}

}  // namespace
}  // namespace barevip::bench

int main(int argc, char** argv) {
  if (argc == 1) return barevip::bench::serve();
  if (argc == 6) return barevip::bench::load(argv + 1);
  std::fprintf(stderr, "usage: traffic [rate|throughput ADDRESS PORT SECONDS CONNECTIONS]\n");
  return 2;
}
