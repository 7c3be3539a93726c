// SPDX-License-Identifier: Apache-2.0
// Which node announced a VIP, and which one before.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/model/ip_object.h"

namespace barevip::controlplane {

struct Move {
  WallTime time;  ///< when this process saw it
  std::string address;
  std::string from;  ///< empty: no node
  std::string to;    ///< empty: no node

  friend bool operator==(const Move&, const Move&) = default;
};

/// The last kMost moves, from the IP objects as they change. It stands in no object, so that a
/// process knows what it saw itself. Thread-safe.
class MoveHistory {
 public:
  static constexpr std::size_t kMost = 256;

  explicit MoveHistory(const Clock& clock) : clock_(clock), since_(clock.wallNow()) {}

  /// An IP object changed. All of a VIP name their node one after the other: that is one move.
  void changed(const model::IpObject& before, const model::IpObject& after);

  /// The newest first.
  [[nodiscard]] std::vector<Move> moves() const;
  [[nodiscard]] WallTime since() const { return since_; }

 private:
  const Clock& clock_;
  const WallTime since_;
  mutable std::mutex mutex_;
  std::deque<Move> moves_;  ///< the newest first
};

}  // namespace barevip::controlplane
