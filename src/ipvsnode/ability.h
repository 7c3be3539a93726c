// SPDX-License-Identifier: Apache-2.0
// What this node can announce at all, as it tells the others. Pure but for its memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

namespace barevip::node {

struct Ability {
  bool serving = true;            ///< false: others shall take over all that this node announces
  std::set<IpAddress> blocked{};  ///< VIPs that others shall announce

  friend bool operator==(const Ability&, const Ability&) = default;
};

/// How long a lack lasts before it counts: a few attempts of the applier.
inline constexpr std::chrono::seconds kLackPatience{5};
/// More blocked VIPs than these are no matter of single VIPs: the node is not serving.
inline constexpr std::size_t kMaxBlocked = 256;

/// Tells a lack that lasts from one that passes. A lack that is over is over at once. One thread.
class AbilityWatch {
 public:
  /// guarded: the packet filter is as wanted. unable: VIPs that cannot be announced here now.
  [[nodiscard]] Ability judge(bool guarded, const std::set<IpAddress>& unable, MonotonicTime now);

  /// When, without news, the last judgement changes.
  [[nodiscard]] std::optional<MonotonicTime> next() const { return next_; }

 private:
  [[nodiscard]] bool lasts(MonotonicTime since, MonotonicTime now);

  std::optional<MonotonicTime> unguardedSince_;
  std::map<IpAddress, MonotonicTime> unableSince_;
  std::optional<MonotonicTime> next_;
};

}  // namespace barevip::node
