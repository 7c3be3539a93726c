// SPDX-License-Identifier: Apache-2.0
// Notice of changes of links, addresses, routes, neighbours and rules in one network namespace.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <thread>

#include "barevip/base/result.h"

#include "common/base/file_descriptor.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

struct MonitorOptions {
  /// A network namespace by descriptor, or -1, as in SocketOptions.
  int namespaceFd = -1;
  /// Netlink ports whose changes are our own (RtnetlinkSocket::port) and not reported.
  std::set<std::uint32_t> ownPorts{};
  /// Events that arrive within this time of the first are one call.
  std::chrono::milliseconds coalesce{50};
  int bufferBytes = 8 << 20;
};

/// A thread that listens from start to destruction, which takes less than a millisecond plus the
/// callback that runs.
class Monitor {
 public:
  /// Called on the monitor's thread: something changed; dump to see what. overrun: events were lost
  /// (ENOBUFS), so nothing can be said about what did not change. Must not throw.
  using Changed = std::function<void(bool overrun)>;

  [[nodiscard]] static Result<std::unique_ptr<Monitor>> start(const MonitorOptions& options,
                                                              Changed changed);
  /// The same over a socket that is subscribed already.
  [[nodiscard]] static Result<std::unique_ptr<Monitor>> start(Socket socket,
                                                              const MonitorOptions& options,
                                                              Changed changed);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

 private:
  Monitor(Socket socket, const MonitorOptions& options, FileDescriptor wake, Changed changed);
  void run(const std::stop_token& stop);
  /// Reads what there is. True if any of it is not ours, or events were lost, which overrun_ keeps.
  bool readAll();
  /// Waits until the descriptor (-1: none) is readable, for the stop, or for the limit (negative:
  /// none). True if it is readable.
  bool waitFor(int fd, std::chrono::milliseconds limit);

  Socket socket_;
  MonitorOptions options_;
  FileDescriptor wake_;
  Changed changed_;
  bool overrun_ = false;
  bool broken_ = false;  ///< the socket failed for good; reported once, as an overrun
  std::jthread thread_;
};

}  // namespace barevip::netlink
