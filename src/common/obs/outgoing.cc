// SPDX-License-Identifier: Apache-2.0
#include "common/obs/outgoing.h"

#include <sys/socket.h>

#include <cerrno>

namespace barevip::obs {

bool mustWait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Outgoing::Progress Outgoing::proceed(int fd) {
  while (bytes_ && sent_ < bytes_->size()) {
    const ssize_t count = send(fd, bytes_->data() + sent_, bytes_->size() - sent_, MSG_NOSIGNAL);
    if (count < 0) return mustWait() ? Progress::kWaits : Progress::kGone;
    sent_ += static_cast<std::size_t>(count);
  }
  bytes_.reset();
  return Progress::kDone;
}

}  // namespace barevip::obs
