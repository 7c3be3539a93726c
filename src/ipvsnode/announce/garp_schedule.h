// SPDX-License-Identifier: Apache-2.0
// When to announce addresses to the neighbours.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

namespace barevip::node {

/// Gratuitous ARP and unsolicited advertisements: at once, five times a second apart, then about
/// every minute, spread so that a thousand VIPs do not speak at once. Pure but for its memory; one
/// thread.
///
/// Budget: kPerSecond addresses on average and kAtOnce in a row, whatever becomes due: a router
/// polices the ARP that it looks at, and drops the rest unseen. Of 10,000 VIPs that move here each
/// has spoken once after 20 seconds; an IPv4 address is two frames of 42 bytes, so that this is
/// half a megabit a second. A VIP goes before those that spoke more often, and of equals the one
/// that began last: neighbours know it elsewhere, while those that began before it may have been
/// heard.
class GarpSchedule {
 public:
  static constexpr std::size_t kPerSecond = 500;
  static constexpr std::size_t kAtOnce = 50;
  /// How long until those that could not be sent have their turn again.
  static constexpr std::chrono::milliseconds kTryAgain{500};

  /// The VIPs that are announced from now on.
  void keep(const std::set<IpAddress>& announced, MonotonicTime now);
  /// Those whose turn it is and for whom the budget allows it; each is scheduled again. remind:
  /// whether those are among them that have spoken often enough.
  [[nodiscard]] std::vector<IpAddress> due(MonotonicTime now, bool remind);
  /// These of the last due() did not go out: they count as if they had not been due.
  void unsent(const std::vector<IpAddress>& addresses, MonotonicTime now);
  [[nodiscard]] std::optional<MonotonicTime> next() const;

 private:
  struct Turn {
    MonotonicTime at;
    int sent = 0;
    MonotonicTime since{};  ///< when its announcement began
  };

  [[nodiscard]] std::size_t budgetAt(MonotonicTime now) const;

  std::map<IpAddress, Turn> turns_;
  MonotonicTime paidAt_;  ///< when the budget is whole again
  bool short_ = false;    ///< it did not suffice for all that were due
};

}  // namespace barevip::node
