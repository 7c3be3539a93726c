// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "common/obs/connection.h"

namespace barevip::obs {

/// Bytes on their way to one client; several clients may be sent the same ones. Not thread-safe.
class Outgoing {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  /// Bytes must not be empty, and all before must have been sent.
  void begin(Bytes bytes) {
    bytes_ = std::move(bytes);
    sent_ = 0;
  }
  [[nodiscard]] bool pending() const { return bytes_ != nullptr; }
  /// Sends what the client takes, without waiting. kDone: all of it.
  Progress proceed(Connection& client);

 private:
  Bytes bytes_;
  std::size_t sent_ = 0;
};

}  // namespace barevip::obs
