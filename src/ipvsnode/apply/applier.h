// SPDX-License-Identifier: Apache-2.0
// Carries a plan out and keeps the mirror of the kernel true.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/ipvs/kernel.h"
#include "barevip/net/packet_filter.h"
#include "barevip/net/rtnetlink.h"

#include "common/obs/metrics.h"
#include "ipvsnode/apply/backoff_table.h"
#include "ipvsnode/plan/diff.h"

namespace barevip::node {

/// What the reconciler's one thread writes to.
struct KernelWriters {
  ipvs::Kernel& ipvs;
  net::Rtnetlink& node;
  net::Rtnetlink* director = nullptr;  ///< null with Placement::kHost
  std::vector<net::PacketFilter*> filters;
};

/// Virtual servers and links of both namespaces, fresh; the packet filter stays unknown.
[[nodiscard]] Result<KernelState> readKernel(const KernelWriters& writers);
/// The links alone; on an error `state` stays as it was.
[[nodiscard]] Result<void> readLinks(const KernelWriters& writers, KernelState& state);

struct ApplyOutcome {
  /// False: a socket failed in the middle; the rest was left out and everything must be read again.
  bool stateKnown = true;
  std::string failure;  ///< why, if not
  /// Writes of the packet filter although nothing new was wanted of it: external changes.
  std::size_t filterRepairs = 0;
  std::set<std::string> missingSchedulers;  ///< refused by the kernel: their module is missing
};

/// A change that the kernel refuses is logged in its own words, counted, and held back for a
/// growing delay; it stops nothing else but the announcement of whom it is for: a VIP is announced
/// only if its addresses, routes, rules and virtual servers are there, and for each port that is to
/// have real servers at least one that is wanted and takes connections. Clients keep their address
/// only where no real server is left that should go. Without a balancer namespace a virtual server
/// waits for the address that marks it as ours, and that address stays as long as it does.
///
/// While the packet filter refuses, nothing new is announced, and a virtual server whose source
/// ranges or whose keeping of the client's address was to change gets no new servers: what is not
/// guarded as wanted is not created. What is there already keeps forwarding. One thread.
class Applier {
 public:
  Applier(KernelWriters writers, const Clock& clock, obs::Registry& metrics);

  /// Takes the steps of a plan, which may be large, and frees each once it is done.
  ApplyOutcome apply(std::vector<Step> steps, KernelState& mirror);

  /// When a change that was held back may be tried again.
  [[nodiscard]] std::optional<MonotonicTime> nextRetry() const { return backoff_.next(); }
  /// What is not announced again, since the kernel refuses what it needs.
  [[nodiscard]] Blocked blocked() const { return backoff_.blocked(); }
  [[nodiscard]] bool allWell() const { return backoff_.empty(); }
  /// Whose changes wait: each plan must look at them.
  [[nodiscard]] Concerned concerned() const { return backoff_.concerned(); }
  /// What all filters took last; nullptr: nothing yet. Valid until the next apply().
  [[nodiscard]] const net::FilterState* filterBefore() const {
    return filterBefore_ ? &*filterBefore_ : nullptr;
  }

 private:
  void forgetUnwanted(const std::vector<Step>& steps);
  [[nodiscard]] net::FilterState withGuardsOfLeftovers(net::FilterState state,
                                                       const KernelState& mirror) const;
  void applyFilter(const FilterStep& step, KernelState& mirror, ApplyOutcome& outcome);
  /// How many writes were needed; nothing: a filter refused.
  std::optional<std::size_t> writeFilter(const net::FilterState& state, bool known);
  void applyTimeouts(const TimeoutsStep& step, KernelState& mirror);
  [[nodiscard]] bool isUnmarked(const IpAddress& vip, const KernelState& mirror) const;
  [[nodiscard]] bool isMarkInUse(const net::NetOp& op, const KernelState& mirror) const;
  [[nodiscard]] bool leadsToRetiring(const ipvs::VirtualServerKey& key,
                                     const KernelState& mirror) const;
  /// Whether the VIP of a change that was not made is not served now.
  [[nodiscard]] bool leavesUnserved(const ipvs::Op& op, const KernelState& mirror) const;
  [[nodiscard]] std::optional<Beneficiary> blockedBy(const ipvs::Op& op,
                                                     const KernelState& mirror) const;
  bool applyIpvs(IpvsStep step, KernelState& mirror, ApplyOutcome& outcome);
  /// absent: virtual servers that are not there, for which real servers would only fail.
  bool applyNow(const std::vector<ipvs::Op>& ops, std::set<ipvs::VirtualServerKey>& absent,
                KernelState& mirror, ApplyOutcome& outcome);
  bool applyLinks(NetStep step, KernelState& mirror, ApplyOutcome& outcome);
  void failed(ApplyOutcome& outcome, const Error& error);
  void refused(const std::string& change, const std::string& sentence,
               const std::optional<Beneficiary>& about, std::optional<Beneficiary> blocks);

  KernelWriters writers_;
  const Clock& clock_;
  BackoffTable backoff_;
  std::optional<net::FilterState> filterBefore_;  ///< what all filters took last
  /// What may differ from it in the kernel, or was to: since then a filter refused.
  std::set<ipvs::VirtualServerKey> unguarded_;
  /// Real servers that the steps let go.
  std::set<std::pair<ipvs::VirtualServerKey, ipvs::RealServerKey>> retiring_;
  obs::Counter& writes_;
  obs::Counter& filterWrites_;
  obs::Counter& failures_;
  obs::Registry& metrics_;
};

}  // namespace barevip::node
