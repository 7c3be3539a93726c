// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/dump.h"

#include <linux/netlink.h>

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/system_error.h"
#include "ipvsnode/netlink/batch.h"

namespace barevip::netlink {
namespace {

/// One attempt at a dump.
class Attempt {
 public:
  Attempt(Socket& socket, const std::string& doing, const DumpHandlers& handlers)
      : socket_(socket), doing_(doing), handlers_(handlers) {}

  /// True if it ended whole, false if the table changed meanwhile.
  Result<bool> run(const Message& request) {
    handlers_.restart();
    socket_.drain();
    if (auto sent = socket_.send(withSequence(request)); !sent) return failed(sent.error());
    while (!done_) {
      const auto datagram = socket_.receive();
      if (!datagram) return failed(datagram.error());
      const bool whole = forEachMessage(*datagram, [this](const Received& message) {
        if (!done_ && status_ && message.header().nlmsg_seq == sequence_) take(message);
      });
      if (!status_) return tl::make_unexpected(status_.error());
      if (!whole) {
        return fail(ErrorCode::kInternal, doing_ + ": the kernel's answer is cut off", EBADMSG);
      }
    }
    return !interrupted_;
  }

 private:
  std::vector<std::byte> withSequence(const Message& request) {
    const auto bytes = bytesOf(*request);
    std::vector<std::byte> packed(bytes.begin(), bytes.end());
    nlmsghdr header{};
    std::memcpy(&header, packed.data(), sizeof header);
    header.nlmsg_seq = sequence_ = socket_.nextSequence();
    header.nlmsg_pid = socket_.port();
    header.nlmsg_flags |= NLM_F_DUMP;
    std::memcpy(packed.data(), &header, sizeof header);
    return packed;
  }

  void take(const Received& message) {
    const auto& header = message.header();
    if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      done_ = true;
      // Both begin with a negative errno, 0 for success.
      const int error = -message.familyHeader<int>().value_or(0);
      if (error == EINTR) interrupted_ = true;
      if (error != 0 && error != EINTR) {
        const std::string hint = error == EPERM ? "; this needs CAP_NET_ADMIN" : "";
        status_ = fail(errnoCode(error),
                       doing_ + ": " + describe({.error = error, .text = {}}) + hint, error);
      }
      return;
    }
    if (header.nlmsg_type >= NLMSG_MIN_TYPE) status_ = handlers_.entry(message);
  }

  Result<bool> failed(Error error) const {
    error.message = doing_ + ": " + error.message;
    return tl::make_unexpected(std::move(error));
  }

  Socket& socket_;
  const std::string& doing_;
  const DumpHandlers& handlers_;
  std::uint32_t sequence_ = 0;
  bool done_ = false;
  bool interrupted_ = false;
  Result<void> status_;
};

}  // namespace

Result<void> dump(Socket& socket, const Message& request, const std::string& doing,
                  const DumpHandlers& handlers) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    const auto whole = Attempt(socket, doing, handlers).run(request);
    if (!whole) return tl::make_unexpected(whole.error());
    if (*whole) return {};
  }
  return fail(ErrorCode::kUnavailable,
              doing + ": the table changed during each of " + std::to_string(kDumpAttempts) +
                  " readings; try again later",
              EINTR);
}

}  // namespace barevip::netlink
