// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/file_descriptor.h"

namespace barevip::obs {

/// One client of the HttpServer: reads the head of a request, then writes the reply. It never
/// waits, so one thread can serve many. Not thread-safe.
class HttpExchange {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// The bytes of a reply, not empty; several clients may be sent the same ones.
  using Reply = std::shared_ptr<const std::string>;
  /// From the head of a request.
  using ReplyTo = std::function<Reply(std::string_view request)>;

  static constexpr std::size_t kMaxRequest = 4096;  ///< bytes; who sends more gets no reply

  /// The socket must be non-blocking. The deadline is for the server to keep.
  HttpExchange(FileDescriptor client, Time deadline)
      : client_(std::move(client)), deadline_(deadline) {}

  [[nodiscard]] int fd() const { return client_.get(); }
  [[nodiscard]] Time deadline() const { return deadline_; }
  /// What poll() should wait for.
  [[nodiscard]] short events() const;

  /// Does what can be done now. False: there is nothing more to do, or the client is gone.
  bool proceed(const ReplyTo& replyTo);

 private:
  bool receive(const ReplyTo& replyTo);
  bool transmit();

  FileDescriptor client_;
  Time deadline_;
  std::string request_;
  Reply reply_;  ///< empty: the request is not complete
  std::size_t sent_ = 0;
};

}  // namespace barevip::obs
