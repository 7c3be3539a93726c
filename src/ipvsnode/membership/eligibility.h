// SPDX-License-Identifier: Apache-2.0
// What this node can announce at all, as its Lease reports it. Pure but for its memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

/// What is wrong at this moment.
struct Impediments {
  bool unguarded = false;       ///< the packet filter is not as wanted
  std::set<IpAddress> refused;  ///< VIPs that need what the kernel refuses
  std::set<IpAddress> held;     ///< VIPs that something else holds
  bool broken = false;          ///< what the data path stands on does not carry it
};

/// How long an impediment lasts before it counts: a few attempts of the applier.
inline constexpr std::chrono::seconds kFallTime{5};
/// How long it counts when it is over: what comes and goes must not move VIPs each time.
inline constexpr std::chrono::seconds kRiseTime{30};
/// More refused VIPs than these do not concern single VIPs: the node is not serving. Of held ones
/// no more are reported; the rest stays where it is.
inline constexpr std::size_t kMaxBlocked = 256;

/// Distinguishes an impediment that lasts from one that passes. One thread.
class EligibilityFilter {
 public:
  /// Nothing at first, while an impediment is too young to say whether it lasts: a daemon that
  /// starts where one could not announce must not say that it can.
  [[nodiscard]] std::optional<Eligibility> judge(const Impediments& impediments, MonotonicTime now);

  /// When, without news, the last judgement changes.
  [[nodiscard]] std::optional<MonotonicTime> next() const { return next_; }

 private:
  enum class Cause : std::uint8_t { kUnguarded, kRefused, kHeld, kBroken };
  using Key = std::pair<Cause, IpAddress>;
  struct Impediment {
    MonotonicTime since;
    bool counts = false;
    std::optional<MonotonicTime> over;
  };

  static std::set<Key> keysOf(const Impediments& impediments);
  /// False: it is to be forgotten.
  bool goesOn(Impediment& impediment, bool present, MonotonicTime now);
  [[nodiscard]] bool maySpeak(MonotonicTime now);
  [[nodiscard]] Eligibility told() const;
  bool passed(MonotonicTime end, MonotonicTime now);

  std::map<Key, Impediment> impediments_;
  std::optional<MonotonicTime> began_;
  bool spoke_ = false;
  std::optional<MonotonicTime> next_;
};

}  // namespace barevip::node
