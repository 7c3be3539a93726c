// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/kube/event_sink.h"

#include "common/kube/events.h"

namespace barevip::controlplane {

/// Leads the events of the reconcilers to the recorder, which outlives it.
class EventRelay final : public kube::EventSink {
 public:
  explicit EventRelay(kube::EventRecorder& recorder) : recorder_(recorder) {}

  void emit(kube::Event event) override {
    const bool normal = event.type == kube::Event::Type::kNormal;
    recorder_.record({event.resource, event.key, event.uid},
                     normal ? kube::EventType::kNormal : kube::EventType::kWarning, event.reason,
                     event.action, event.note);
  }

 private:
  kube::EventRecorder& recorder_;
};

}  // namespace barevip::controlplane
