// SPDX-License-Identifier: Apache-2.0
// One process of the operator. Its workers take turns with each other and with the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "barevip/base/clock.h"
#include "barevip/kube/event_sink.h"

#include "fakes/fake_api.h"
#include "history/crew.h"
#include "history/history.h"
#include "history/unreliable_api.h"
#include "operator/session/leader_session.h"

namespace barevip::history {

/// Stores that a watch fills, and a LeaderSession while it leads; nothing happens but in workOnce()
/// and when it ends.
class Replica {
 public:
  Replica(kube::FakeApi& server, const Clock& clock);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  /// The watches catch up first, since a session does not begin before.
  void lead();
  /// What is under way is finished before.
  void stopLeading();
  [[nodiscard]] bool leads() const { return session_ != nullptr; }

  /// How many reconciles may be under way at a time; at most kMostWorkers.
  void setWorkers(std::size_t workers) { workers_ = workers; }
  /// A reconcile is under way.
  [[nodiscard]] bool isBusy() const { return crew_.anyBusy(); }

  /// One event of one watch, or one reconcile (with several workers: a part of it, up to a write or
  /// from there); order: what is tried first. False if there is nothing to do.
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
    std::uint64_t nodes = 0;
  };

  bool act(std::uint32_t action);
  bool reconcileOnce(controlplane::LeaderSession::Kind kind);
  bool resume(std::size_t worker);
  bool watchOnce(std::uint32_t kind);
  void seeAll(std::uint32_t kind);
  template <class T>
  bool deliver(const kube::Resource& resource, Result<T> (*decode)(const nlohmann::json&),
               kube::Store<T>& store, std::uint64_t& seen);

  kube::FakeApi& server_;
  const Clock& clock_;
  UnreliableApi api_;
  NoEvents events_;
  controlplane::Stores stores_;
  Seen seen_;
  std::unique_ptr<controlplane::LeaderSession> session_;
  Crew crew_;
  std::size_t workers_ = 1;
};

}  // namespace barevip::history
