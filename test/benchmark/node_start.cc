// SPDX-License-Identifier: Apache-2.0
// Starts a program on a node and takes the time until IPVS has what it should program, and until it
// says that it is ready. The program goes on.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "barevip/base/result.h"

#include "benchmark/guarded_main.h"
#include "benchmark/ipvs_counts.h"
#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"

namespace barevip::bench {
namespace {

using std::chrono::steady_clock;

// Whoever looks takes the node's one processor from the program: more seldom at what costs more.
constexpr std::chrono::milliseconds kLook{5};
constexpr std::chrono::milliseconds kLookAtAll{20};
constexpr std::chrono::milliseconds kAskAgain{50};

struct Options {
  std::string ipvs;
  std::size_t virtualServers = 0;
  std::size_t realServers = 0;
  std::string readyAddress;  // empty: it has no such page
  std::uint16_t readyPort = 0;
  long limit = 600;
  std::string log;
  std::vector<std::string> command;
};

/// In a session of its own, so that it outlives this one's end; returns when it is on its way.
Result<pid_t> start(const Options& options) {
  std::vector<std::string> words = options.command;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, options.log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, argv.front(), &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return tl::make_unexpected(systemError("cannot start " + words.front(), failed));
  return pid;
}

/// Whether GET /readyz is answered with 200.
bool isReady(const std::string& address, std::uint16_t port) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) return false;
  const std::string request =
      "GET /readyz HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n";
  std::array<char, 64> answer{};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 ||
      ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0 ||
      ::recv(socket.get(), answer.data(), answer.size() - 1, 0) <= 0) {
    return false;
  }
  return std::string_view(answer.data()).find(" 200") == 8;
}

/// What was seen, and after how many seconds.
class Watch {
 public:
  Watch(const Options& options, const IpvsCounts& kernel) : options_(options), kernel_(kernel) {}

  /// Returns when all is there or the limit is over; fails if the program ends before.
  Result<void> run(pid_t pid, steady_clock::time_point began) {
    const auto end = began + std::chrono::seconds(options_.limit);
    const bool asks = !options_.readyAddress.empty();
    auto nextLook = began;
    while (steady_clock::now() < end) {
      const auto now = steady_clock::now();
      const double seconds = std::chrono::duration<double>(now - began).count();
      virtualServers_ = kernel_.virtualServers();
      if (virtualServers_ > 0) saw("first", seconds);
      if (!has("all") && virtualServers_ >= options_.virtualServers && now >= nextLook) {
        realServers_ = kernel_.realServers();
        if (realServers_ >= options_.realServers) saw("all", seconds);
        nextLook = now + kLookAtAll;
      }
      if (has("all") && asks && now >= nextLook) {
        if (isReady(options_.readyAddress, options_.readyPort)) saw("ready", seconds);
        nextLook = now + kAskAgain;
      }
      if (::waitpid(pid, nullptr, WNOHANG) == pid) {
        return fail(ErrorCode::kInternal, "the program has ended: see " + options_.log);
      }
      if (has("all") && (has("ready") || !asks)) return {};
      std::this_thread::sleep_for(kLook);
    }
    realServers_ = kernel_.realServers();
    return {};
  }

  [[nodiscard]] nlohmann::json found() const {
    nlohmann::json found = seen_;
    found["virtual_servers"] = virtualServers_;
    found["real_servers"] = realServers_;
    return found;
  }

 private:
  void saw(const char* what, double when) {
    if (!has(what)) seen_[what] = when;
  }
  [[nodiscard]] bool has(const char* what) const { return !seen_[what].is_null(); }

  const Options& options_;
  const IpvsCounts& kernel_;
  nlohmann::json seen_ = {{"first", nullptr}, {"all", nullptr}, {"ready", nullptr}};
  std::size_t virtualServers_ = 0;
  std::size_t realServers_ = 0;
};

Result<void> run(const Options& options) {
  const auto kernel = IpvsCounts::open(options.ipvs);
  if (!kernel) return tl::make_unexpected(kernel.error());
  const auto began = steady_clock::now();
  const auto pid = start(options);
  if (!pid) return tl::make_unexpected(pid.error());
  Watch watch(options, *kernel);
  if (auto watched = watch.run(*pid, began); !watched) return watched;
  nlohmann::json printed = watch.found();
  printed["pid"] = *pid;
  std::printf("%s\n", printed.dump().c_str());
  return {};
}

int parseAndRun(int argc, char** argv) {
  Options options;
  CLI::App app{"node_start: starts a program and waits for what it programs; prints seconds"};
  app.add_option("--ipvs", options.ipvs, "network namespace of IPVS, a path");
  app.add_option("--virtual-servers", options.virtualServers, "to wait for")->required();
  app.add_option("--real-servers", options.realServers, "to wait for")->required();
  app.add_option("--ready-address", options.readyAddress, "IPv4 address that answers /readyz");
  app.add_option("--ready-port", options.readyPort, "its port");
  app.add_option("--limit", options.limit, "seconds after which to give up")->required();
  app.add_option("--log", options.log, "file for what the program prints")->required();
  app.add_option("command", options.command, "the program and its arguments, after --")->required();
  CLI11_PARSE(app, argc, argv);
  const auto done = run(options);
  if (done) return 0;
  std::fprintf(stderr, "node_start: %s\n", done.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace barevip::bench

int main(int argc, char** argv) {
  return barevip::bench::guardedMain("node_start", barevip::bench::parseAndRun, argc, argv);
}
