// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_exchange.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace barevip::obs {
namespace {

bool mustWait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

short HttpExchange::events() const { return reply_ ? POLLOUT : POLLIN; }

bool HttpExchange::proceed(const ReplyTo& replyTo) {
  if (!reply_ && !receive(replyTo)) return false;
  return !reply_ || transmit();
}

bool HttpExchange::receive(const ReplyTo& replyTo) {
  std::array<char, 1024> buffer{};
  while (request_.find("\r\n\r\n") == std::string::npos) {
    if (request_.size() > kMaxRequest) return false;
    const ssize_t count = recv(client_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return mustWait();
    if (count == 0) return false;
    request_.append(buffer.data(), static_cast<std::size_t>(count));
  }
  reply_ = replyTo(request_);
  return true;
}

bool HttpExchange::transmit() {
  while (sent_ < reply_->size()) {
    const ssize_t count =
        send(client_.get(), reply_->data() + sent_, reply_->size() - sent_, MSG_NOSIGNAL);
    if (count < 0) return mustWait();
    sent_ += static_cast<std::size_t>(count);
  }
  return false;
}

}  // namespace barevip::obs
