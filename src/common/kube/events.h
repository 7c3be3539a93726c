// SPDX-License-Identifier: Apache-2.0
// Writes events.k8s.io/v1 Events in the background.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"

namespace barevip::kube {

/// The same event (object, reason, note) again is a count in the series of the first, written at
/// most once in kSeriesPeriod. At most kMaxQueued events wait; more push the oldest out. An event
/// that the API server does not take is dropped: events explain, nothing depends on them.
class EventRecorder final : public EventSink {
 public:
  static constexpr std::size_t kMaxQueued = 1000;
  static constexpr std::size_t kMaxRemembered = 4096;
  static constexpr std::chrono::seconds kSeriesPeriod{10};

  /// controller: "barevip.dev/operator"; instance: the pod or node. Api and clock outlive it.
  EventRecorder(Api& api, const Clock& clock, std::string controller, std::string instance);

  void start();
  void emit(Event event) override;

  /// Events that were pushed out or not taken.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  /// The fixed name of an event: a create that reaches the server twice makes one object.
  [[nodiscard]] static std::string nameOf(const Event& event, const std::string& controller);

 private:
  struct Remembered {
    Event event;
    std::uint64_t count = 0;
    bool written = false;
    bool queued = false;
    MonotonicTime notBefore;
  };

  void run(const std::stop_token& stop);
  Result<void> write(const std::string& name, const Event& event, std::uint64_t count, bool series,
                     const std::stop_token& stop);

  Api& api_;
  const Clock& clock_;
  const std::string controller_;
  const std::string instance_;
  std::atomic<std::uint64_t> dropped_ = 0;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, Remembered> remembered_;  ///< by name
  std::deque<std::string> order_;                 ///< of being remembered, oldest first
  std::deque<std::string> queue_;                 ///< names to be written
  std::jthread thread_;
};

}  // namespace barevip::kube
