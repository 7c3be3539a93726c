// SPDX-License-Identifier: Apache-2.0
// One run of the node daemon, from its start to its end. All that these histories know of the
// reconciler stands behind this class.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/node.h"

#include "history/node/cluster.h"
#include "history/node/machine.h"

namespace barevip::node::history {

/// How long a real server may keep its connections.
inline constexpr std::chrono::seconds kDrainTimeout{20};

/// What the daemon says of one IP object.
struct Said {
  kube::ObjectKey record;
  bool announced = false;
  std::string holder;  ///< whom the record named when that was decided
};

class Daemon {
 public:
  Daemon(Pick node, Machine& machine, const Clock& clock);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // What comes to it. Each brings the next pass forward if it is news.
  void deliver(const Objects& objects);
  void saw(const model::Lease& lease);
  void gotAnswer(const IpAddress& address, const std::optional<std::string>& mac);
  void networkChanged();

  /// When it passes next.
  [[nodiscard]] MonotonicTime next() const;
  void reconcileOnce();

  // What it wants of the world.

  /// Addresses to ask the network for, since the last call.
  [[nodiscard]] std::vector<IpAddress> takeQuestions();
  [[nodiscard]] const std::vector<Said>& said() const;
  /// Its Lease, as it would be written now over the one that there is.
  [[nodiscard]] model::Lease lease(model::Lease lease, const std::string& renewTime) const;
  /// The Lease says something else since the last call: it is written at once.
  [[nodiscard]] bool takeLeaseNews();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace barevip::node::history
