// SPDX-License-Identifier: Apache-2.0
// Which nodes live, judged by their Leases without comparing clocks of machines.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/model/node.h"

#include "ipvsnode/owner.h"

namespace barevip::node {

/// What a node says in its Lease beside spec.renewTime. All Leases carry the label.
inline constexpr const char* kNodeLeaseLabel = "barevip.dev/node-lease";
inline constexpr const char* kNodeLeasePrefix = "barevip-node-";
inline constexpr const char* kInterfaceAnnotation = "barevip.dev/bind-interface";
inline constexpr const char* kFamiliesAnnotation = "barevip.dev/families";
inline constexpr const char* kBothFamilies = "4,6";
inline constexpr const char* kOnlyIpv4 = "4";
inline constexpr const char* kBlockedAnnotation = "barevip.dev/blocked";  ///< VIPs, by commas
inline constexpr const char* kBlockedAll = "*";
inline constexpr const char* kHeldAnnotation = "barevip.dev/held";  ///< VIPs, by commas
inline constexpr const char* kStateAnnotation = "barevip.dev/state";
inline constexpr const char* kStateServing = "serving";
inline constexpr const char* kStateLeaving = "leaving";  ///< others shall take over now

/// A node renews this often, and is stale this long after others saw its last renewal. A node may
/// ask for more patience by spec.leaseDurationSeconds, up to kMaxPatience.
inline constexpr std::chrono::milliseconds kRenewInterval{2000};
inline constexpr std::chrono::seconds kLeaseDuration{7};
inline constexpr std::chrono::seconds kMaxPatience{60};
/// We are in touch with the API server while our own renewals come back through the watch at
/// least this often.
inline constexpr std::chrono::milliseconds kInTouch{4500};

struct LiveView {
  /// Our own renewal came back at least once since the start: before that nothing can be said.
  bool established = false;
  /// Ascending by name. While we are out of touch it is what it was: an API server that is away
  /// must not look like the death of all others.
  std::vector<LiveNode> live;
  /// Nodes that say they are leaving, and are fresh.
  std::vector<std::string> leaving;
  /// All of the others were seen to renew since this process, or its touch with the API server,
  /// began. Before that a Lease may be what a dead node left behind, so that the others, who know
  /// it to be dead, share the VIPs out among fewer than we do.
  bool settled = true;
  /// Our own renewals come back. While they do not, others may have taken our VIPs over unseen.
  bool inTouch = true;
  /// When, without news, the view changes next.
  std::optional<MonotonicTime> next;
};

/// Times are those at which this process saw a renewal, on its own monotonic clock.
///
/// The rule that makes this safe: the view counts only while our own renewals are seen by the same
/// watch. When they were missing and come back, every other node that was alive before is given its
/// full time again, since its renewals were as invisible as ours. Thread-safe.
class Liveness {
 public:
  explicit Liveness(std::string self) : self_(std::move(self)) {}

  /// A Lease was added or changed. True if the view may have changed by it.
  bool saw(const model::Lease& lease, MonotonicTime now);
  /// A Lease was deleted. True if the view may have changed by it.
  bool gone(const model::Lease& lease);

  [[nodiscard]] LiveView view(MonotonicTime now);

 private:
  struct Entry {
    std::string renewTime;
    MonotonicTime seen;
    bool proven = false;  ///< a renewal came, not only the Lease as it was
    std::chrono::seconds patience = kLeaseDuration;
    LiveNode says;
    bool leaving = false;
  };

  [[nodiscard]] bool wasUp(const std::string& name) const;
  [[nodiscard]] bool inTouchLocked(MonotonicTime now) const;
  [[nodiscard]] LiveView viewLocked(MonotonicTime now) const;

  const std::string self_;
  std::mutex mutex_;
  std::map<std::string, Entry> nodes_;
  LiveView last_;  ///< as of the last time that we were in touch
};

}  // namespace barevip::node
