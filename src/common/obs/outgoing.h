// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace barevip::obs {

/// Bytes on their way to one client; several clients may be sent the same ones. Not thread-safe.
class Outgoing {
 public:
  using Bytes = std::shared_ptr<const std::string>;
  enum class Progress : std::uint8_t {
    kDone,
    kWaits,  ///< the client does not take more now
    kGone,   ///< the client never will
  };

  /// Bytes must not be empty, and all before must have been sent.
  void begin(Bytes bytes) {
    bytes_ = std::move(bytes);
    sent_ = 0;
  }
  [[nodiscard]] bool pending() const { return bytes_ != nullptr; }
  /// Sends what the socket takes, without waiting.
  Progress proceed(int fd);

 private:
  Bytes bytes_;
  std::size_t sent_ = 0;
};

/// Whether errno says that a socket would have had to wait.
[[nodiscard]] bool mustWait();

}  // namespace barevip::obs
