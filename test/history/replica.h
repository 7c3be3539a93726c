// SPDX-License-Identifier: Apache-2.0
// One process of the operator on the caller's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "barevip/base/clock.h"
#include "barevip/kube/event_sink.h"

#include "fakes/fake_api.h"
#include "history/unreliable_api.h"
#include "operator/term.h"

namespace barevip::history {

/// Stores that a watch fills, and a Term while it leads; nothing happens but in workOnce().
class Replica {
 public:
  Replica(kube::FakeApi& server, const Clock& clock);

  /// The watches catch up first, since a term does not begin before.
  void lead();
  void stopLeading();
  [[nodiscard]] bool leads() const { return term_ != nullptr; }

  /// One event of one watch, or one reconcile; order: what is tried first. False if there is
  /// nothing to do.
  bool workOnce(std::uint32_t order);

  [[nodiscard]] UnreliableApi& api() { return api_; }

 private:
  class NoEvents final : public kube::EventSink {
   public:
    void emit(kube::Event /*event*/) override {}
  };
  /// How far the watches have come.
  struct Seen {
    std::uint64_t services = 0;
    std::uint64_t pools = 0;
    std::uint64_t ips = 0;
    std::uint64_t namespaces = 0;
  };

  bool act(std::uint32_t action);
  bool watchOnce(std::uint32_t kind);
  template <class T>
  bool deliver(const kube::Resource& resource, Result<T> (*decode)(const nlohmann::json&),
               kube::Store<T>& store, std::uint64_t& seen);

  kube::FakeApi& server_;
  const Clock& clock_;
  UnreliableApi api_;
  NoEvents events_;
  controlplane::Stores stores_;
  Seen seen_;
  std::unique_ptr<controlplane::Term> term_;
};

}  // namespace barevip::history
