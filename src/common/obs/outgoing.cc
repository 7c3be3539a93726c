// SPDX-License-Identifier: Apache-2.0
#include "common/obs/outgoing.h"

#include <string_view>

namespace barevip::obs {

Progress Outgoing::proceed(Connection& client) {
  while (bytes_ && sent_ < bytes_->size()) {
    const Transfer sent = client.send(std::string_view(*bytes_).substr(sent_));
    if (sent.progress != Progress::kDone) return sent.progress;
    sent_ += sent.bytes;
  }
  bytes_.reset();
  return Progress::kDone;
}

}  // namespace barevip::obs
