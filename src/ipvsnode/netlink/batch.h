// SPDX-License-Identifier: Apache-2.0
// Many requests in one send, and their outcomes one by one.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "barevip/base/result.h"

#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// What the kernel said to one request.
struct Outcome {
  int error = 0;     ///< errno; 0 is success
  std::string text;  ///< the kernel's own words (NLMSGERR_ATTR_MSG), mostly empty
};

/// "No such device", with the kernel's own words if there are any.
[[nodiscard]] std::string describe(const Outcome& outcome);

/// Requests per send. Beyond these, error replies can outgrow the receive buffer before the first
/// of them is read: measured at 277 with the system's default size, 85 with libnl's.
inline constexpr std::size_t kBatchWithDefaultBuffers = 64;
inline constexpr std::size_t kBatchWithLargeBuffers = 256;

/// Makes the request of that index; null: there is nothing to send for it. Called in order, and not
/// before the send that carries the request: only the requests of one send exist at a time.
using Encoder = std::function<Message(std::size_t index)>;
/// Takes what the kernel said to the request of that index; in order, after each send.
using OutcomeHandler = std::function<void(std::size_t index, const Outcome& outcome)>;
using ReplyHandler = std::function<void(const Received&)>;

/// Sends `count` requests in order, in as few sends as is safe, and waits for the kernel. The
/// kernel goes on after a failed request, and reports failures always but success only where asked:
/// here at the last of each send. Messages that are neither acknowledgement nor error go to
/// `reply`.
///
/// An error (kTimeout, kUnavailable) means that answers were lost: some requests may have been
/// done.
Result<void> sendAll(Socket& socket, std::size_t count, const Encoder& encode,
                     const OutcomeHandler& settle, const ReplyHandler& reply = {});

/// One request; its failure is the error, with detail the errno. `doing` begins the sentence, e.g.
/// "cannot set lo up".
Result<void> sendOne(Socket& socket, Message request, const std::string& doing,
                     const ReplyHandler& reply = {});

}  // namespace barevip::netlink
