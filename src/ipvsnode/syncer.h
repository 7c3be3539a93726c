// SPDX-License-Identifier: Apache-2.0
// The reconciler: makes the kernel of this node what the cluster wants, again and again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/net/announcer.h"

#include "common/obs/metrics.h"
#include "ipvsnode/ability.h"
#include "ipvsnode/applier.h"
#include "ipvsnode/desired.h"
#include "ipvsnode/diff.h"
#include "ipvsnode/liveness.h"
#include "ipvsnode/owner.h"
#include "ipvsnode/stores.h"
#include "ipvsnode/takeover.h"

namespace barevip::node {

/// What this node says about one VIP to the API server, in one of the VIP's IP objects.
struct VipReport {
  IpAddress vip;
  bool announced = false;                  ///< by this node, as its owner or while it has none
  std::string holder;                      ///< its status.node when this was decided
  std::optional<std::string> conflictMac;  ///< a stranger answers for it

  friend bool operator==(const VipReport&, const VipReport&) = default;
};

struct NodeReport {
  std::map<kube::ObjectKey, VipReport> claims;  ///< by IP object, all of this node's VIPs
  std::vector<Problem> problems;                ///< those that this node is to tell of all nodes

  friend bool operator==(const NodeReport&, const NodeReport&) = default;
};

struct SyncerOptions {
  DesiredOptions desired;
  std::chrono::milliseconds syncPeriod{30'000};
  std::chrono::seconds drainTimeout{300};
};

/// Calls to the rest of the daemon; on the syncer's thread, must not block.
struct SyncerHooks {
  std::function<void(const std::vector<IpAddress>&)> probe;  ///< answers come by answered()
  std::function<void(const NodeReport&)> report;             ///< when it changed
  std::function<void(bool up)> carrier;                      ///< of the bind interface, if changed
  std::function<void(const Ability&)> able;                  ///< what it can announce, if changed
  /// Looks after the ground at every full read (host::checkGround); returns what is wrong.
  std::function<std::vector<std::string>()> ground;
};

/// Level-based: a pass looks at all there is. It reads the kernel back at the start, after an
/// error, when the monitor saw another hand, and every syncPeriod; in between it works with a
/// mirror of what it read and changed. Nothing is changed before all stores are synced once.
///
/// run() or pass() on one thread: the only one that writes netlink. All else is thread-safe.
class Syncer {
 public:
  Syncer(KernelSeams seams, net::Announcer& announcer, Stores& stores, Liveness& liveness,
         const Clock& clock, obs::Registry& metrics, SyncerOptions options, SyncerHooks hooks);

  void run(const std::stop_token& stop);

  /// One pass; returns when the next one is due without news.
  MonotonicTime pass();

  /// Something in the stores or in the view of nodes changed.
  void wake();
  /// Another hand changed links, addresses or routes.
  void linksChanged();
  void answered(const IpAddress& address, std::optional<std::string> mac);

  /// The last pass went through with all stores synced.
  [[nodiscard]] bool ready() const { return ready_.load(); }
  /// When the last pass began; the start of this process before the first.
  [[nodiscard]] MonotonicTime lastPass() const { return lastPass_.load(); }
  /// VIPs that the kernel of this node announces.
  [[nodiscard]] std::size_t announcedCount() const { return announcedCount_.load(); }

 private:
  struct News {
    bool dirty = true;
    bool links = false;
    std::vector<std::pair<IpAddress, std::optional<std::string>>> answers;
  };

  News takeNews();
  bool readAll(MonotonicTime now);
  Result<void> rereadLinks(MonotonicTime now);
  void keepForeign(std::vector<net::BoundAddress> addresses);
  [[nodiscard]] DiffContext contextAt(MonotonicTime now) const;
  [[nodiscard]] LocalFacts localFacts(MonotonicTime now);
  [[nodiscard]] std::set<IpAddress> announcedNow() const;
  void watchCarrier();
  [[nodiscard]] Lacks lacksOf(const DesiredState& desired) const;
  void tellAbility(const DesiredState& desired, MonotonicTime now);
  void rememberVips(const DesiredState& desired);
  static void reportUnowned(const std::vector<OwnerQuestion>& questions, DesiredState& desired);
  void announceDue(const LiveView& nodes, MonotonicTime now);
  void report(const std::vector<OwnerQuestion>& questions, const TakeoverDecision& decision,
              const DesiredState& desired, const LiveView& nodes);
  void logProblems(const std::vector<Problem>& problems);
  void logGround(const std::vector<std::string>& problems);
  void measure(const DesiredState& desired);
  MonotonicTime backOff(const std::string& why, MonotonicTime now);

  KernelSeams seams_;
  net::Announcer& announcer_;
  Stores& stores_;
  Liveness& liveness_;
  const Clock& clock_;
  const SyncerOptions options_;
  const SyncerHooks hooks_;
  Applier applier_;
  Takeover takeover_;
  GarpSchedule garp_;

  std::mutex mutex_;
  std::condition_variable_any wakeUp_;
  News news_;

  // Of the one thread.
  KernelState kernel_;
  std::vector<net::BoundAddress> foreignAddresses_;
  Draining draining_;
  std::set<IpAddress> vipsBefore_;
  std::map<std::string, MonotonicTime> missingSchedulers_;  ///< until when
  std::map<IpAddress, std::string> owners_;
  std::set<IpAddress> announced_;  ///< after the last pass
  std::set<Problem> problems_;
  std::vector<std::string> groundProblems_;
  NodeReport lastReport_;
  std::optional<bool> carrier_;
  AbilityWatch abilityWatch_;
  std::optional<Ability> ability_;  ///< as told last
  std::string announceFailure_;
  bool mustRead_ = true;
  bool linksPending_ = false;  ///< another hand changed links since they were read
  bool saidWaiting_ = false;
  MonotonicTime nextRead_;
  MonotonicTime lastLinksRead_;
  std::chrono::milliseconds backoff_{0};
  std::optional<MonotonicTime> notBefore_;

  std::atomic<bool> ready_{false};
  std::atomic<MonotonicTime> lastPass_;
  std::atomic<std::size_t> announcedCount_{0};

  obs::Counter& passes_;
  obs::Counter& fullSyncs_;
  obs::Gauge& readSeconds_;
  obs::Gauge& passSeconds_;
  obs::Gauge& virtualServers_;
  obs::Gauge& realServers_;
  obs::Gauge& drainingServers_;
  obs::Gauge& servedVips_;
  obs::Gauge& ownedVips_;
  obs::Gauge& problemCount_;
};

}  // namespace barevip::node
