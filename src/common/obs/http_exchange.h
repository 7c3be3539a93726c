// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/obs/connection.h"
#include "common/obs/outgoing.h"

namespace barevip::obs {

class EventStream;

/// One client of the HttpServer: reads the head of a request, then writes the reply. It never
/// waits, so one thread can serve many; a reply that is not known yet is asked for again. Not
/// thread-safe.
class HttpExchange {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Reply {
    Outgoing::Bytes bytes;          ///< not empty
    EventStream* stream = nullptr;  ///< whose events follow the bytes; null: none
  };
  /// From the head of a request, or from what there is of one that exceeds kMaxRequest. nullopt:
  /// it is not known yet.
  using ReplyTo = std::function<std::optional<Reply>(std::string_view request)>;

  /// Bytes. Cookies of a host count for all its ports, so that a browser may send many.
  static constexpr std::size_t kMaxRequest = 16384;

  /// The deadline is for the server to keep.
  HttpExchange(Connection client, Time deadline)
      : client_(std::move(client)), deadline_(deadline) {}

  [[nodiscard]] int fd() const { return client_.fd(); }
  [[nodiscard]] Time deadline() const { return deadline_; }
  /// What poll() should wait for.
  [[nodiscard]] short events() const { return asked_ ? short{0} : client_.waitsFor(); }
  /// The request is complete and its reply not known: proceed() when it may be.
  [[nodiscard]] bool asked() const { return asked_; }

  /// Does what can be done now; revents: of poll(). False: there is nothing more to do here, or
  /// the client is gone.
  bool proceed(short revents, const ReplyTo& replyTo);

  /// After proceed() returned false: the reply whose events the client wants; null: none. It is
  /// not sent, and fd() goes to who sends it.
  [[nodiscard]] const Reply* streamed() const {
    return reply_.stream == nullptr ? nullptr : &reply_;
  }
  [[nodiscard]] Connection release() { return std::move(client_); }

 private:
  /// What of the request can be received now.
  Progress receive();
  bool begin(const ReplyTo& replyTo);

  Connection client_;
  Time deadline_;
  std::string request_;
  bool asked_ = false;
  Reply reply_;
  Outgoing outgoing_;  ///< pending: the reply is known
};

}  // namespace barevip::obs
