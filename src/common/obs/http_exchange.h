// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/file_descriptor.h"
#include "common/obs/outgoing.h"

namespace barevip::obs {

class EventStream;

/// One client of the HttpServer: reads the head of a request, then writes the reply. It never
/// waits, so one thread can serve many. Not thread-safe.
class HttpExchange {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Reply {
    Outgoing::Bytes bytes;          ///< not empty
    EventStream* stream = nullptr;  ///< whose events follow the bytes; null: none
  };
  /// From the head of a request, or from what there is of one that exceeds kMaxRequest.
  using ReplyTo = std::function<Reply(std::string_view request)>;

  /// Bytes. Cookies of a host count for all its ports, so that a browser may send many.
  static constexpr std::size_t kMaxRequest = 16384;

  /// The socket must be non-blocking. The deadline is for the server to keep.
  HttpExchange(FileDescriptor client, Time deadline)
      : client_(std::move(client)), deadline_(deadline) {}

  [[nodiscard]] int fd() const { return client_.get(); }
  [[nodiscard]] Time deadline() const { return deadline_; }
  /// What poll() should wait for.
  [[nodiscard]] short events() const;

  /// Does what can be done now. False: there is nothing more to do here, or the client is gone.
  bool proceed(const ReplyTo& replyTo);

  /// After proceed() returned false: the reply whose events the client wants; null: none. It is
  /// not sent, and fd() goes to who sends it.
  [[nodiscard]] const Reply* streamed() const {
    return reply_.stream == nullptr ? nullptr : &reply_;
  }
  [[nodiscard]] FileDescriptor release() { return std::move(client_); }

 private:
  bool receive(const ReplyTo& replyTo);

  FileDescriptor client_;
  Time deadline_;
  std::string request_;
  Reply reply_;
  Outgoing outgoing_;  ///< pending: the request is complete
};

}  // namespace barevip::obs
