// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/batch.h"

#include <linux/netlink.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/system_error.h"

namespace barevip::netlink {
namespace {

/// One send after the other, and what came back for each. Its buffers are used again.
class Exchange {
 public:
  Exchange(Socket& socket, std::size_t limit) : socket_(socket), limit_(limit) {}

  /// Packs as many requests as one send may carry, from `index` to before `count`; the index after
  /// the last.
  std::size_t pack(std::size_t index, std::size_t count, const Encoder& encode) {
    packed_.clear();
    indices_.clear();
    for (; index < count && indices_.size() < limit_; ++index) {
      if (const Message request = encode(index)) append(*request, index);
    }
    return index;
  }

  Result<void> run(const ReplyHandler& reply) {
    if (indices_.empty()) return {};
    outcomes_.assign(indices_.size(), Outcome{});
    changeHeader(lastOffset_, [](nlmsghdr& header) { header.nlmsg_flags |= NLM_F_ACK; });
    done_ = false;
    // Late answers to an exchange that was given up would only fill the buffer.
    socket_.drain();
    if (auto sent = socket_.send(packed_); !sent) return sent;
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

  void settle(const OutcomeHandler& settle) const {
    for (std::size_t i = 0; i < indices_.size(); ++i) settle(indices_[i], outcomes_[i]);
  }

 private:
  void append(const nl_msg& request, std::size_t index) {
    const auto bytes = bytesOf(request);
    last_ = socket_.nextSequence();
    if (indices_.empty()) first_ = last_;
    indices_.push_back(index);
    lastOffset_ = packed_.size();
    packed_.insert(packed_.end(), bytes.begin(), bytes.end());
    packed_.resize(NLMSG_ALIGN(packed_.size()));
    changeHeader(lastOffset_, [this](nlmsghdr& header) {
      header.nlmsg_seq = last_;
      header.nlmsg_pid = socket_.port();
    });
  }

  template <class Change>
  void changeHeader(std::size_t offset, const Change& change) {
    nlmsghdr header{};
    std::memcpy(&header, packed_.data() + offset, sizeof header);
    change(header);
    std::memcpy(packed_.data() + offset, &header, sizeof header);
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
  const std::size_t limit_;
  std::vector<std::byte> packed_;     ///< the requests of this send
  std::vector<std::size_t> indices_;  ///< whose they are
  std::vector<Outcome> outcomes_;
  std::size_t lastOffset_ = 0;
  std::uint32_t first_ = 0;  ///< sequence numbers
  std::uint32_t last_ = 0;
  bool done_ = false;
};

}  // namespace

std::string describe(const Outcome& outcome) {
  std::string text = std::system_category().message(outcome.error);
  if (!outcome.text.empty()) text += " (" + outcome.text + ")";
  return text;
}

Result<void> sendAll(Socket& socket, std::size_t count, const Encoder& encode,
                     const OutcomeHandler& settle, const ReplyHandler& reply) {
  Exchange exchange(socket,
                    socket.buffersAsWanted() ? kBatchWithLargeBuffers : kBatchWithDefaultBuffers);
  for (std::size_t next = 0; next < count;) {
    next = exchange.pack(next, count, encode);
    if (auto done = exchange.run(reply); !done) return done;
    exchange.settle(settle);
  }
  return {};
}

Result<void> sendOne(Socket& socket, Message request, const std::string& doing,
                     const ReplyHandler& reply) {
  Outcome outcome;
  const auto sent = sendAll(
      socket, 1, [&](std::size_t) { return std::move(request); },
      [&](std::size_t, const Outcome& answer) { outcome = answer; }, reply);
  if (!sent) {
    Error error = sent.error();
    error.message = doing + ": " + error.message;
    return tl::make_unexpected(std::move(error));
  }
  if (outcome.error == 0) return {};
  const std::string hint = outcome.error == EPERM ? "; this needs CAP_NET_ADMIN" : "";
  return fail(errnoCode(outcome.error), doing + ": " + describe(outcome) + hint, outcome.error);
}

}  // namespace barevip::netlink
