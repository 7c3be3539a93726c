// SPDX-License-Identifier: Apache-2.0
// Bounds for work that must end: by a time, by a signal, whichever comes first.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "barevip/base/clock.h"

namespace barevip {

/// A stop token that is set at a time of the clock, or when another one is. What it hands out stays
/// valid after it; a token of a StopAt that is gone is set.
class StopAt {
 public:
  StopAt(const Clock& clock, MonotonicTime end, const std::stop_token& other)
      : forward_(other, Request{source_}),
        timer_([&clock, end, source = source_](const std::stop_token& done) mutable {
          std::mutex mutex;
          std::condition_variable_any wake;
          std::unique_lock lock(mutex);
          clock.waitUntil(lock, wake, done, end, [] { return false; });
          source.request_stop();
        }) {}

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  struct Request {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };

  std::stop_source source_;
  std::stop_callback<Request> forward_;
  std::jthread timer_;
};

/// Waits on the clock. False: the token was set meanwhile.
inline bool pauseFor(const Clock& clock, std::chrono::milliseconds time,
                     const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  clock.waitUntil(lock, wake, stop, clock.now() + time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace barevip
