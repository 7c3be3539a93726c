// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "barevip/kube/event_sink.h"

namespace barevip::kube {

/// Keeps what was told. Thread-safe.
class FakeEventSink final : public EventSink {
 public:
  void emit(Event event) override {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }

  [[nodiscard]] std::vector<Event> all() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

  /// The reasons told about the object, in order.
  [[nodiscard]] std::vector<std::string> reasons(const ObjectKey& key) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> result;
    for (const Event& event : events_) {
      if (event.key == key) result.push_back(event.reason);
    }
    return result;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace barevip::kube
