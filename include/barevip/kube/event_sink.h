// SPDX-License-Identifier: Apache-2.0
// Reports to people what happened to an object, as `kubectl describe` shows it.
#pragma once

#include <cstdint>
#include <string>

#include "barevip/base/text.h"
#include "barevip/kube/object_key.h"

namespace barevip::kube {

struct Event {
  enum class Type : std::uint8_t { kNormal, kWarning };

  Resource resource;  ///< of the object that it is about
  ObjectKey key;
  Text uid;
  Type type = Type::kNormal;
  Text reason;       ///< CamelCase, stable: scripts match on it
  Text action;       ///< CamelCase verb: what was tried
  std::string note;  ///< one sentence, at most 1 KiB

  friend bool operator==(const Event&, const Event&) = default;
};

class EventSink {
 public:
  virtual ~EventSink() = default;

  /// Hands the event on and returns at once; it may get lost. Thread-safe.
  virtual void emit(Event event) = 0;
};

}  // namespace barevip::kube
