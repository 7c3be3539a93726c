// SPDX-License-Identifier: Apache-2.0
// What people read with `kubectl events`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/kube/event_sink.h"

#include "common/kube/event_memory.h"

namespace barevip::kube {

/// Writes events.k8s.io/v1 Events from a thread of its own; emit() never waits. The same object,
/// reason and note again is one event with a count, written at most once in `interval`. The name of
/// an event is chosen before its first write, so that a write that is repeated makes no second one.
/// When too much waits or the server refuses, events are lost and counted: they are not state. What
/// is written already gives way before what waits.
class EventRecorder final : public EventSink {
 public:
  struct Options {
    std::string controller = "barevip.dev/operator";  ///< reportingController
    std::string instance;                             ///< reportingInstance: pod or node name
    std::size_t limit = 4096;                         ///< events that are remembered or wait
    std::chrono::milliseconds interval{10'000};
    /// After each write: what happens to thousands of objects at once must not keep the server busy
    /// with events.
    std::chrono::milliseconds pause{100};
    std::chrono::milliseconds memory{360'000};  ///< after this silence it is a new event
  };

  /// References must outlive this.
  EventRecorder(Api& api, const Clock& clock, Options options);
  ~EventRecorder() override;
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

  void start();
  /// What waits is lost.
  void stop();

  /// A note beyond 1 KiB is cut. Thread-safe.
  void emit(Event event) override;

  [[nodiscard]] std::uint64_t written() const;
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void run(const std::stop_token& stop);
  Result<void> write(const Event& event, const EventEntry& entry, const std::stop_token& stop);
  // With mutex_ held:
  void settle(const Event& event, const EventEntry& sent, const Result<void>& outcome);
  void forgetOld();
  [[nodiscard]] bool isOld(const EventEntry& entry, MonotonicTime now) const;
  void makeRoom();
  [[nodiscard]] MonotonicTime nextDue() const;

  Api& api_;
  const Clock& clock_;
  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  EventMemory memory_;
  MonotonicTime rested_{};  ///< when the pause after the last write is over
  std::uint64_t written_ = 0;
  std::uint64_t dropped_ = 0;
  std::jthread thread_;
};

}  // namespace barevip::kube
