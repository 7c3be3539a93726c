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

#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

/// What a node says in its Lease beside spec.renewTime. All Leases carry the label; each renewal
/// sets its value to the rules by which the daemon elects owners, so that a daemon of an older
/// version, which writes "true", differs from this one also where it follows it.
using model::kNodeLeaseLabel;
inline constexpr const char* kElectsByShare = "elects-by-share";
inline constexpr const char* kNodeLeasePrefix = "barevip-node-";
inline constexpr const char* kInterfaceAnnotation = "barevip.dev/bind-interface";  ///< the first
inline constexpr const char* kInterfacesAnnotation = "barevip.dev/bind-interfaces";
inline constexpr const char* kFamiliesAnnotation = "barevip.dev/families";
inline constexpr const char* kBothFamilies = "4,6";
inline constexpr const char* kOnlyIpv4 = "4";
inline constexpr const char* kBlockedAnnotation = "barevip.dev/blocked";  ///< VIPs, by commas
inline constexpr const char* kBlockedAll = "*";
inline constexpr const char* kHeldAnnotation = "barevip.dev/held";  ///< VIPs, by commas
inline constexpr const char* kStateAnnotation = "barevip.dev/state";
inline constexpr const char* kStateServing = "serving";
inline constexpr const char* kStateLeaving = "leaving";  ///< others should take over now

/// A node renews this often, and is stale this long after others saw its last renewal. A node may
/// ask for more patience by spec.leaseDurationSeconds, up to kMaxPatience: that is for a daemon
/// that stops while its kernel keeps forwarding, and holds only as long as its machine answers.
inline constexpr std::chrono::milliseconds kRenewInterval{2000};
inline constexpr std::chrono::seconds kLeaseDuration{7};
inline constexpr std::chrono::seconds kMaxPatience{60};
/// We are in touch with the API server while our own renewals come back through the watch at
/// least this often.
inline constexpr std::chrono::milliseconds kInTouch{4500};
/// So many of our own renewals came back since the last of another node: it does not renew as
/// slowly as we do, it does not renew.
inline constexpr int kRenewalsOfPatience = 3;

struct LiveView {
  /// Our own renewal came back at least once since the start: before that nothing can be said.
  bool established = false;
  /// Ascending by name. While we are out of touch it is what it was: an API server that is away
  /// must not look like the death of all others.
  std::vector<LiveNode> live;
  /// Nodes that say they are leaving, and are fresh.
  std::vector<std::string> leaving;
  /// Nodes that are stale, but asked for more patience, which is not over yet.
  std::vector<std::string> onHold;
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
/// full time again, since its renewals were as invisible as ours. But not for ever: behind a slow
/// API server our renewals are late each time, and so are those of a node that lives; one that did
/// not renew while we did kRenewalsOfPatience times gets no more. Thread-safe.
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
    int ownRenewals = 0;  ///< ours that came since
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
