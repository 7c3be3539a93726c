// SPDX-License-Identifier: Apache-2.0
// Carries a plan out and keeps the mirror of the kernel true.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/ipvs/kernel.h"
#include "barevip/net/links.h"
#include "barevip/net/packet_filter.h"

#include "common/obs/metrics.h"
#include "ipvsnode/diff.h"
#include "ipvsnode/retry_ledger.h"

namespace barevip::node {

/// What the syncer's one thread writes to.
struct KernelSeams {
  ipvs::Kernel& ipvs;
  net::Links& node;
  net::Links* director = nullptr;  ///< null with Placement::kHost
  std::vector<net::PacketFilter*> filters;
};

/// Virtual servers and links of both namespaces, fresh; the packet filter stays unknown.
[[nodiscard]] Result<KernelState> readKernel(const KernelSeams& seams);
/// The links alone; on an error `state` stays as it was.
[[nodiscard]] Result<void> readLinks(const KernelSeams& seams, KernelState& state);

struct ApplyOutcome {
  /// False: a socket failed in the middle; the rest was left out and everything must be read again.
  bool stateKnown = true;
  std::string failure;                      ///< why, if not
  std::set<std::string> missingSchedulers;  ///< refused by the kernel for want of a module
};

/// A change that the kernel refuses is logged in its own words, counted, and held back for a
/// growing delay; it stops nothing else but the announcement of its VIP.
///
/// While the packet filter refuses, nothing new is announced, and a virtual server whose source
/// ranges or whose keeping of the client's address was to change gets no new servers: what is not
/// guarded as wanted does not come into being. What is there already serves on. One thread.
class Applier {
 public:
  Applier(KernelSeams seams, const Clock& clock, obs::Registry& metrics);

  ApplyOutcome apply(const Plan& plan, KernelState& mirror);

  /// When a change that was held back may be tried again.
  [[nodiscard]] std::optional<MonotonicTime> nextRetry() const { return ledger_.next(); }
  /// VIPs that are not announced anew, since the kernel refuses what they need.
  [[nodiscard]] std::set<IpAddress> blocked() const { return ledger_.blocked(); }
  [[nodiscard]] bool allWell() const { return ledger_.empty(); }

 private:
  void forgetUnwanted(const Plan& plan);
  void applyFilter(const FilterStep& step, KernelState& mirror);
  bool writeFilter(const net::FilterState& state, bool known);
  bool applyIpvs(const IpvsStep& step, KernelState& mirror, ApplyOutcome& outcome);
  bool applyLinks(const LinksStep& step, KernelState& mirror, ApplyOutcome& outcome);
  void refused(const std::string& change, const std::string& sentence,
               std::optional<IpAddress> blocks);

  KernelSeams seams_;
  const Clock& clock_;
  RetryLedger ledger_;
  net::FilterState filterBefore_;  ///< what all filters took last
  /// What may differ from it in the kernel, or was to: since then a filter refused.
  std::set<ipvs::VirtualServerKey> unguarded_;
  obs::Counter& writes_;
  obs::Counter& filterWrites_;
  obs::Counter& failures_;
};

}  // namespace barevip::node
