// SPDX-License-Identifier: Apache-2.0
// A kernel in the test's own process: the other end of a netlink socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/base/file_descriptor.h"
#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::wire_test {

using Bytes = std::vector<std::byte>;

/// What a request comes to.
struct Answer {
  int error = 0;               ///< errno
  std::string text;            ///< with the error, as NLMSGERR_ATTR_MSG
  std::vector<Bytes> replies;  ///< payloads, of the type below
  std::uint16_t type = 0;
};

/// Speaks netlink over NETLINK_USERSOCK, for which nobody needs to be root, and as the kernel does:
/// requests of one datagram in their order, errors always, success where NLM_F_ACK asks, dumps as
/// multi-part messages with NLMSG_DONE, an acknowledgement in a datagram of its own. Stops when it
/// goes.
class WireKernel {
 public:
  using Handler = std::function<Answer(const netlink::Received&)>;

  /// The handler is called on the kernel's thread.
  explicit WireKernel(Handler handler);
  ~WireKernel();
  WireKernel(const WireKernel&) = delete;
  WireKernel& operator=(const WireKernel&) = delete;

  /// A client's options that lead here.
  [[nodiscard]] netlink::SocketOptions options() const;
  /// A client that leads here; throws if there can be none.
  [[nodiscard]] netlink::Socket connect() const { return connect(options()); }
  [[nodiscard]] static netlink::Socket connect(const netlink::SocketOptions& options);

  // Faults; each holds until changed.

  /// Takes requests and says nothing.
  void setMute(bool mute);
  /// The next so many errors and acknowledgements are not sent.
  void loseAcks(int count);
  /// The next so many dumps carry NLM_F_DUMP_INTR.
  void interruptDumps(int count);
  /// Dumps end after their entries, without NLMSG_DONE.
  void setEndless(bool endless);
  /// The status that NLMSG_DONE carries.
  void setDumpStatus(int error);
  /// The next request is answered with these bytes alone.
  void answerOnce(Bytes datagram);

  /// Multicasts datagrams of that size. Those that do not fit into a listener's buffer are lost and
  /// flagged, as the kernel's own are; what is sent to one socket alone never is.
  void flood(int count, std::size_t bytes) const;
  /// Lets a client hear floods; false if this user may not.
  [[nodiscard]] static bool mayFlood(netlink::Socket& client);
  /// Sends bytes to a client as if they were an answer.
  void sendTo(std::uint32_t port, const Bytes& datagram) const;

  /// The flags of each message of each datagram so far.
  [[nodiscard]] std::vector<std::vector<std::uint16_t>> received() const;

 private:
  struct Faults {
    bool mute = false;
    int lostAcks = 0;
    int interruptedDumps = 0;
    bool endless = false;
    int dumpStatus = 0;
    std::optional<Bytes> once;
  };

  void serve(const std::stop_token& stop);
  void answer(const netlink::Received& request, std::uint32_t client);
  void answerDump(const netlink::Received& request, const Answer& answer, std::uint32_t client,
                  const Faults& faults) const;
  void acknowledge(const netlink::Received& request, const Answer& answer,
                   std::uint32_t client) const;
  /// What the next answer has to get wrong.
  Faults takeFaults(const netlink::Received& request);

  Handler handler_;
  FileDescriptor socket_;
  std::uint32_t port_ = 0;
  mutable std::mutex mutex_;
  Faults faults_;
  std::vector<std::vector<std::uint16_t>> received_;
  std::jthread thread_;
};

/// One message as bytes, e.g. for answerOnce.
[[nodiscard]] Bytes messageBytes(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
                                 std::uint32_t port, const Bytes& payload);

}  // namespace barevip::wire_test
