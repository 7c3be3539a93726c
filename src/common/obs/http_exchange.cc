// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_exchange.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

namespace barevip::obs {
short HttpExchange::events() const { return outgoing_.pending() ? POLLOUT : POLLIN; }

bool HttpExchange::proceed(const ReplyTo& replyTo) {
  if (!outgoing_.pending() && !receive(replyTo)) return false;
  return !outgoing_.pending() || outgoing_.proceed(client_.get()) == Outgoing::Progress::kWaits;
}

bool HttpExchange::receive(const ReplyTo& replyTo) {
  std::array<char, 1024> buffer{};
  while (request_.size() <= kMaxRequest && request_.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = recv(client_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return mustWait();
    if (count == 0) return false;
    request_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  reply_ = replyTo(request_);
  if (reply_.stream != nullptr) return false;
  outgoing_.begin(reply_.bytes);
  return true;
}

}  // namespace barevip::obs
