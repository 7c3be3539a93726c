// SPDX-License-Identifier: Apache-2.0
// A small LAN of network namespaces: hosts, pods, servers and clients, for tests of the data path.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

#include "common/base/command.h"
#include "common/base/file_descriptor.h"
#include "ipvsnode/host/network_namespace.h"

namespace barevip::kernel_test {

/// The machine of run-in-uml keeps its modules elsewhere than modprobe looks by itself.
class LabCommandRunner final : public CommandRunner {
 public:
  Result<CommandOutput> run(const Command& command, std::stop_token stop) override;

 private:
  SystemCommandRunner system_;
};

/// A network namespace with a name that `ip -n` knows, and a thread in it. Removed at the end.
class Space {
 public:
  explicit Space(const std::string& name);
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  ~Space();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] host::NamespaceThread& thread() { return *thread_; }
  /// Runs a shell command line there; fails the test unless it succeeds. Returns its stdout.
  std::string run(const std::string& commandLine);
  /// `ip` with these arguments, one line each.
  void ip(const std::string& lines);

 private:
  std::string name_;
  std::unique_ptr<host::NamespaceThread> thread_;
};

enum class Transport : std::uint8_t { kTcp, kUdp };

/// Answers each connection or datagram with "NAME CLIENT", on all addresses of its namespace.
class EchoServer {
 public:
  EchoServer(Space& space, std::string name, std::uint16_t port);

 private:
  void serve(const std::stop_token& stop) const;

  std::string name_;
  FileDescriptor tcp_;
  FileDescriptor udp_;
  std::jthread thread_;
};

/// Answers each line, a number, with so many bytes; any number of TCP connections at a time.
class BulkServer {
 public:
  BulkServer(Space& space, std::uint16_t port);

 private:
  FileDescriptor listener_;
  std::jthread thread_;
};

/// A TCP connection to a BulkServer that stays open.
class Connection {
 public:
  /// From a port of choice, which several connections may have in common; 0: any.
  Connection(Space& from, std::uint16_t fromPort, const IpAddress& address, std::uint16_t port);

  /// Asks for so many bytes. Empty if all came, else why not; each wait is bounded.
  std::string fetch(std::size_t bytes);

 private:
  FileDescriptor fd_;
  std::string error_;
};

struct Answer {
  std::string server;  ///< empty if there was none
  std::string client;  ///< the address that the server saw
  std::string error;   ///< "refused", "timeout" or another reason
};

/// One request from within a namespace.
Answer ask(Space& from, const IpAddress& address, std::uint16_t port, Transport transport,
           std::chrono::milliseconds wait = std::chrono::seconds(3));

/// One datagram from each of so many ports of the address, which must be one of the namespace; each
/// has its answer before the next. How many got none.
std::size_t askFromPorts(Space& from, const IpAddress& source, std::uint16_t first,
                         std::uint16_t count, const IpAddress& address, std::uint16_t port);

}  // namespace barevip::kernel_test
