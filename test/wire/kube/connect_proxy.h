// SPDX-License-Identifier: Apache-2.0
// An HTTP proxy that opens tunnels.
#pragma once

#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/file_descriptor.h"

namespace barevip::wire {

/// On the loopback, one thread for each tunnel. Stops with its destructor.
class ConnectProxy {
 public:
  /// Whatever a client asks for, its tunnel leads to this port of 127.0.0.1. With a status other
  /// than 200 there is no tunnel.
  explicit ConnectProxy(std::uint16_t target, int status = 200);
  ~ConnectProxy();
  ConnectProxy(const ConnectProxy&) = delete;
  ConnectProxy& operator=(const ConnectProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The heads of the requests, as they came.
  [[nodiscard]] std::vector<std::string> requests() const;

 private:
  void acceptLoop(const std::stop_token& stop);
  void serve(const FileDescriptor& client, const std::stop_token& stop);

  std::uint16_t target_;
  int status_;
  std::uint16_t port_ = 0;
  FileDescriptor listener_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::jthread> workers_;
  std::jthread acceptor_;
};

}  // namespace barevip::wire
