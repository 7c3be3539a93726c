// SPDX-License-Identifier: Apache-2.0
// Server-sent events (HTML standard, section 9.2): one text that changes, and who reads it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>

#include "common/obs/connection.h"
#include "common/obs/outgoing.h"

namespace barevip::obs {

/// The newest event, which is all that a reader is sent: a slow one skips what it missed, and all
/// share one copy. Thread-safe. It outlives the server that serves it.
class EventStream {
 public:
  struct Newest {
    Outgoing::Bytes bytes;     ///< null: there is none
    std::uint64_t number = 0;  ///< another one for each event
  };

  /// data: one line.
  void publish(std::string_view name, std::string_view data);
  /// A reader that comes now waits for the next event.
  void clear();
  [[nodiscard]] Newest newest() const;

  [[nodiscard]] std::size_t readers() const;
  /// False: the token was set before anybody read.
  bool waitForReader(const std::stop_token& stop);

  /// For the server. onPublish is called after each publish(), from its thread; before the first.
  void setOnPublish(std::function<void()> onPublish) { onPublish_ = std::move(onPublish); }
  void readerCame();
  void readerLeft();

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any came_;
  Newest newest_;
  std::size_t readers_ = 0;
  std::function<void()> onPublish_;
};

/// One client that reads a stream. It never waits. Not thread-safe.
class EventReader {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// A client that does not take an event within this time is dropped.
  static constexpr std::chrono::seconds kEventTime{10};
  /// After so long without an event it is sent one named "alive", by which it knows that the
  /// connection stands.
  static constexpr std::chrono::seconds kAlive{5};

  /// head: what goes before the events.
  EventReader(Connection client, EventStream& stream, Outgoing::Bytes head, Time now);
  ~EventReader() { stream_.readerLeft(); }
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  [[nodiscard]] int fd() const { return client_.fd(); }
  /// What poll() should wait for.
  [[nodiscard]] short events() const;
  /// When proceed() has something to do although nothing happened.
  [[nodiscard]] Time next() const { return outgoing_.pending() ? deadline_ : aliveAt_; }

  /// Does what can be done now; revents: of poll(). False: the client is gone, or too slow.
  bool proceed(short revents, Time now);

 private:
  [[nodiscard]] bool hungUp();
  /// False: there is nothing to send.
  bool beginNext(Time now);

  Connection client_;
  EventStream& stream_;
  Outgoing outgoing_;
  std::uint64_t seen_ = 0;  ///< the number of the last event that was sent
  Time deadline_;
  Time aliveAt_;
};

}  // namespace barevip::obs
