// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/batch.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

namespace barevip::netlink {
namespace {

/// One send and what came back for it.
class Exchange {
 public:
  explicit Exchange(Socket& socket) : socket_(socket) {}

  Result<void> run(std::span<const Message> requests, const ReplyHandler& reply) {
    outcomes_.assign(requests.size(), Outcome{});
    // Late answers to an exchange that was given up would only fill the buffer.
    socket_.drain();
    if (auto sent = socket_.send(pack(requests)); !sent) return sent;
    while (!done_) {
      const auto datagram = socket_.receive();
      if (!datagram) return tl::make_unexpected(unknown(datagram.error()));
      if (!forEachMessage(*datagram, [&](const Received& message) { take(message, reply); })) {
        return fail(ErrorCode::kInternal,
                    "the kernel's answer to a batch is cut off: its outcome is unknown", EBADMSG);
      }
    }
    return {};
  }

  [[nodiscard]] std::vector<Outcome>& outcomes() { return outcomes_; }

 private:
  std::vector<std::byte> pack(std::span<const Message> requests) {
    std::vector<std::byte> packed;
    for (const auto& request : requests) {
      const auto bytes = bytesOf(*request);
      nlmsghdr header{};
      std::memcpy(&header, bytes.data(), sizeof header);
      header.nlmsg_seq = last_ = socket_.nextSequence();
      if (&request == &requests.front()) first_ = last_;
      header.nlmsg_pid = socket_.port();
      if (&request == &requests.back()) header.nlmsg_flags |= NLM_F_ACK;
      const auto headerBytes = bytesOf(header);
      packed.insert(packed.end(), headerBytes.begin(), headerBytes.end());
      packed.insert(packed.end(), bytes.begin() + sizeof header, bytes.end());
      packed.resize(NLMSG_ALIGN(packed.size()));
    }
    return packed;
  }

  void take(const Received& message, const ReplyHandler& reply) {
    // Differences of sequence numbers survive their wrap-around.
    const std::uint32_t index = message.header().nlmsg_seq - first_;
    if (index >= outcomes_.size()) return;
    if (message.header().nlmsg_type != NLMSG_ERROR) {
      if (reply) reply(message);
      return;
    }
    outcomes_[index] = parseError(message);
    if (message.header().nlmsg_seq == last_) done_ = true;
  }

  static Outcome parseError(const Received& message) {
    const auto error = message.familyHeader<nlmsgerr>();
    if (!error) return Outcome{.error = EBADMSG, .text = "the kernel's answer is cut off"};
    Outcome outcome{.error = -error->error, .text = {}};
    const auto flags = message.header().nlmsg_flags;
    if ((flags & NLM_F_ACK_TLVS) != 0) {
      // The failed request's payload lies between, unless it was left out.
      const std::size_t request =
          (flags & NLM_F_CAPPED) != 0 ? sizeof(nlmsghdr) : error->msg.nlmsg_len;
      const std::size_t before = offsetof(nlmsgerr, msg) + NLMSG_ALIGN(request);
      outcome.text = Attributes(message.attributes(before)).string(NLMSGERR_ATTR_MSG);
    }
    return outcome;
  }

  static Error unknown(Error error) {
    error.message += "; how many changes of this batch were made is unknown";
    return error;
  }

  Socket& socket_;
  std::vector<Outcome> outcomes_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  bool done_ = false;
};

}  // namespace

std::string describe(const Outcome& outcome) {
  std::string text = std::system_category().message(outcome.error);
  if (!outcome.text.empty()) text += " (" + outcome.text + ")";
  return text;
}

ErrorCode codeOf(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return ErrorCode::kForbidden;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case EADDRNOTAVAIL:
      return ErrorCode::kNotFound;
    case EINVAL:
    case ERANGE:
      return ErrorCode::kInvalid;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return ErrorCode::kUnsupported;
    case ENOMEM:
    case ENOBUFS:
    case EBUSY:
    case EAGAIN:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

Result<std::vector<Outcome>> sendAll(Socket& socket, std::span<const Message> requests,
                                     const ReplyHandler& reply) {
  const std::size_t limit =
      socket.buffersAsWanted() ? kBatchWithLargeBuffers : kBatchWithDefaultBuffers;
  std::vector<Outcome> outcomes;
  outcomes.reserve(requests.size());
  while (!requests.empty()) {
    const std::size_t count = std::min(limit, requests.size());
    Exchange exchange(socket);
    if (auto done = exchange.run(requests.first(count), reply); !done) {
      return tl::make_unexpected(done.error());
    }
    std::move(exchange.outcomes().begin(), exchange.outcomes().end(), std::back_inserter(outcomes));
    requests = requests.subspan(count);
  }
  return outcomes;
}

Result<void> sendOne(Socket& socket, Message request, const std::string& doing,
                     const ReplyHandler& reply) {
  const auto outcomes = sendAll(socket, std::span(&request, 1), reply);
  if (!outcomes) {
    Error error = outcomes.error();
    error.message = doing + ": " + error.message;
    return tl::make_unexpected(std::move(error));
  }
  const Outcome& outcome = outcomes->front();
  if (outcome.error == 0) return {};
  const std::string hint = outcome.error == EPERM ? "; this needs CAP_NET_ADMIN" : "";
  return fail(codeOf(outcome.error), doing + ": " + describe(outcome) + hint, outcome.error);
}

}  // namespace barevip::netlink
