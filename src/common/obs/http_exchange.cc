// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_exchange.h"

#include <poll.h>

#include <array>
#include <utility>

namespace barevip::obs {

bool HttpExchange::proceed(short revents, const ReplyTo& replyTo) {
  if (asked_ && (revents & (POLLHUP | POLLERR)) != 0) return false;
  if (!outgoing_.pending()) {
    const Progress received = asked_ ? Progress::kDone : receive();
    if (received != Progress::kDone) return received == Progress::kWaits;
    if (!begin(replyTo)) return false;
    if (asked_) return true;
  }
  return outgoing_.proceed(client_) == Progress::kWaits;
}

Progress HttpExchange::receive() {
  std::array<char, 1024> buffer{};
  while (request_.size() <= kMaxRequest && request_.find("\r\n\r\n") == std::string::npos) {
    const Transfer received = client_.receive(buffer);
    if (received.progress != Progress::kDone) return received.progress;
    request_.append(buffer.data(), received.bytes);
  }
  return Progress::kDone;
}

// False: the reply is for another one to send.
bool HttpExchange::begin(const ReplyTo& replyTo) {
  auto reply = replyTo(request_);
  asked_ = !reply;
  if (asked_) return true;
  reply_ = std::move(*reply);
  if (reply_.stream != nullptr) return false;
  outgoing_.begin(reply_.bytes);
  return true;
}

}  // namespace barevip::obs
