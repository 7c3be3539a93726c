// SPDX-License-Identifier: Apache-2.0
// The reconciler: makes the kernel of this node what the cluster wants, again and again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/net/announcer.h"
#include "barevip/net/bind_interfaces.h"
#include "barevip/net/data_path.h"

#include "common/obs/metrics.h"
#include "ipvsnode/announce/garp_schedule.h"
#include "ipvsnode/announce/ownership.h"
#include "ipvsnode/announce/questions.h"
#include "ipvsnode/apply/applier.h"
#include "ipvsnode/cluster/stores.h"
#include "ipvsnode/desired/desired_vips.h"
#include "ipvsnode/membership/eligibility.h"
#include "ipvsnode/membership/liveness.h"
#include "ipvsnode/plan/diff.h"
#include "ipvsnode/plan/drift.h"
#include "ipvsnode/reconcile/announced_vips.h"
#include "ipvsnode/reconcile/reconcile_times.h"
#include "ipvsnode/reconcile/report.h"

namespace barevip::node {

/// What the data path stands on.
struct HostFindings {
  std::vector<std::string> problems;  ///< what is wrong, a sentence each
  std::set<net::Breakage> broken;     ///< by which packets do not get through
  /// The node's default gateways; nullopt: they could not be seen, so what was seen before counts.
  std::optional<std::set<IpAddress>> gateways{};
  /// What the bind interfaces are like; empty: not seen, so what was seen before counts.
  net::BindInterfaces interfaces{};
};

struct NodeReconcilerOptions {
  DesiredOptions desired;
  std::chrono::milliseconds syncPeriod{30'000};
  std::chrono::seconds drainTimeout{300};
  std::chrono::milliseconds hostPeriod{30'000};
};

/// Calls to the rest of the daemon; on the reconciler's thread, must not block.
struct NodeReconcilerHooks {
  std::function<void(const Questions&)> probe;    ///< if they changed; answers come by answered()
  std::function<void(const NodeReport&)> report;  ///< when it changed
  /// The bind interfaces that are down or have no carrier, if changed.
  std::function<void(const std::set<std::string>& down)> carrier;
  std::function<void(const Eligibility&)> able;  ///< what it can announce, if changed
  /// What this node's virtual servers are for, ascending by key; after a pass in which it changed.
  std::function<void(std::vector<VipPort>)> serving;
  /// Verifies and repairs the host's setup every hostPeriod (host::verifyHost).
  std::function<HostFindings()> host;
};

/// Level-based: a pass follows from what there is, not from what happened. It looks at the VIPs for
/// which something is another than in the pass before, and at those for which something was left to
/// do then or whose changes the kernel refuses; at all of them whenever it reads the kernel back.
/// It reads the kernel at the start, after an error, when the monitor saw an external change, and
/// every syncPeriod; in between it works with a mirror of what it read and changed. Nothing is
/// changed before all stores are synced once.
///
/// run() or reconcileOnce() on one thread: the only one that writes netlink. All else is
/// thread-safe.
class NodeReconciler {
 public:
  NodeReconciler(KernelWriters writers, net::Announcer& announcer, Stores& stores,
                 Liveness& liveness, const Clock& clock, obs::Registry& metrics,
                 NodeReconcilerOptions options, NodeReconcilerHooks hooks);

  void run(const std::stop_token& stop);

  /// One pass; returns when the next one is due without news.
  MonotonicTime reconcileOnce();

  /// Something in the stores or in the view of nodes changed.
  void wake();
  /// An external change of links, addresses or routes.
  void networkChanged();
  void answered(const IpAddress& address, std::optional<std::string> mac);

  /// The last pass went through with all stores synced.
  [[nodiscard]] bool ready() const { return ready_.load(); }
  /// When the last pass began; the start of this process before the first.
  [[nodiscard]] MonotonicTime lastPass() const { return lastPass_.load(); }
  /// VIPs that the kernel of this node announces.
  [[nodiscard]] std::size_t announcedCount() const { return announcedCount_.load(); }

 private:
  struct PendingEvents {
    bool dirty = true;
    bool links = false;
    std::optional<MonotonicTime> since{};  ///< when the first of them came
    std::vector<std::pair<IpAddress, std::optional<std::string>>> answers;
  };

  /// The VIPs that a pass looks at.
  struct Look {
    bool all = false;
    std::set<IpAddress> vips;
  };
  /// What may be another than in the last report.
  struct Changed {
    bool problems = false;
    bool ownership = false;  ///< questions, owners, or what to announce
    bool announced = false;  ///< by the kernel
    bool host = false;
    bool serving = false;  ///< what this node serves, which is not reported
    [[nodiscard]] bool any() const { return problems || ownership || announced || host; }
  };

  void markDirty();
  PendingEvents takePendingEvents();
  bool readAll(MonotonicTime now);
  Result<void> rereadLinks(MonotonicTime now);
  void keepForeign(std::vector<net::BoundAddress> addresses);
  void lookAtVipsOf(const std::vector<net::NetObject>& items);
  void decideOwners(const std::set<IpAddress>& touched, const LiveView& nodes, bool linksRead,
                    MonotonicTime now);
  [[nodiscard]] DesiredState wanted() const;
  ApplyOutcome converge(MonotonicTime now);
  [[nodiscard]] const LocalFacts& localFacts(MonotonicTime now);
  [[nodiscard]] bool areOnTheWire() const;
  void watchCarrier();
  [[nodiscard]] Impediments impediments() const;
  void publishEligibility(MonotonicTime now);
  template <class F>
  void forEachLookedAt(F f) const;
  void rememberVips();
  void rememberAnnounced(const std::map<IpAddress, net::NetObject>& wanted);
  /// VIPs that the kernel began to announce, or ceased to.
  void noteAnnounced(const std::set<IpAddress>& differ);
  void noteUnowned(const LiveView& nodes);
  void askNetwork();
  [[nodiscard]] const std::string& deviceFor(const IpAddress& address) const;
  void announceDue(const LiveView& nodes, MonotonicTime now);
  void tellServing();
  void report(const LiveView& nodes);
  void reportBroken(NodeReport& next) const;
  void noteProblems();
  void verifyHost(MonotonicTime now);
  void countCauses(const Impediments& impediments);
  void countDrift(const KernelState& found);
  void countDrift(std::string_view kind, std::size_t number);
  void measure();
  /// After an error of a seam that reads the kernel.
  MonotonicTime backOff(const Error& why, MonotonicTime now);
  MonotonicTime backOff(const std::string& why, MonotonicTime now);

  KernelWriters writers_;
  net::Announcer& announcer_;
  Stores& stores_;
  Liveness& liveness_;
  const Clock& clock_;
  const NodeReconcilerOptions options_;
  const NodeReconcilerHooks hooks_;
  Applier applier_;
  DesiredVips vips_;
  Ownership ownership_;
  GarpSchedule garp_;

  std::mutex mutex_;
  std::condition_variable_any wakeUp_;
  PendingEvents pending_;

  // Of the one thread.
  KernelState kernel_;
  std::vector<net::BoundAddress> foreignAddresses_;
  LocalFacts facts_;
  DiffContext context_;  ///< what the diff remembers
  std::optional<MonotonicTime> nextDrainDeadline_;
  std::map<std::string, MonotonicTime> missingSchedulers_;  ///< until when
  Look look_;                                               ///< of this pass
  Changed changed_;                                         ///< since the last report
  std::set<IpAddress> unsettled_;    ///< something was to be done for them in the pass before
  std::set<IpAddress> announced_;    ///< by the kernel, after the last pass
  std::set<IpAddress> unannounced_;  ///< to be announced, but not yet
  std::set<IpAddress> asked_;        ///< whose answers were open after it
  std::vector<Problem> unowned_;     ///< VIPs that no node may announce
  std::set<Problem> problems_;
  std::uint64_t problemsSeen_ = 0;  ///< DesiredVips::problemsRevision
  std::uint64_t served_ = 0;        ///< DesiredVips::vipPortsRevision that hooks_.serving saw
  HostFindings host_;
  MonotonicTime nextHostCheck_;
  std::map<std::string, obs::Gauge*> causes_;
  NodeReport lastReport_;
  std::optional<std::set<std::string>> down_;  ///< bind interfaces without carrier
  EligibilityFilter eligibilityFilter_;
  std::optional<Eligibility> eligibility_;  ///< as reported last
  std::string announceFailure_;
  bool announcedNews_ = true;  ///< announced_ changed since the owners were decided
  bool mustRead_ = true;
  bool mirrored_ = false;      ///< kernel_ is what the kernel held, but for external changes
  bool linksPending_ = false;  ///< an external change of links since they were read
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
  AnnouncedVips announcedVips_;
  obs::Gauge& problemCount_;
  obs::Counter& unsentAnnouncements_;
  ReconcileTimes times_;
  obs::Registry& metrics_;
};

}  // namespace barevip::node
