// SPDX-License-Identifier: Apache-2.0
// When to begin and when to end announcing a VIP whose owner is known. Pure but for its memory.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

#include "ipvsnode/announce/vip_election.h"
#include "ipvsnode/membership/eligibility.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::node {

/// How long a VIP stays with a node whose daemon is silent but whose kernel still answers on the
/// network: enough for a container to be started again, so that a crash moves no connection.
inline constexpr std::chrono::seconds kSilentDaemonGrace{30};
/// How often such a node is asked whether it is still there.
inline constexpr std::chrono::milliseconds kAskAgain{1500};
/// How long until a VIP that a conflicting host answers for is tried again.
inline constexpr std::chrono::seconds kConflictRetry{10};
/// How long an owner that was relieved goes on answering if the successor does not report.
inline constexpr std::chrono::seconds kRelease{8};
static_assert(kRelease > kFallTime, "a successor that cannot announce must have said so");
/// How long a live node that had a VIP has to record itself again if the record lost its name,
/// before the VIP counts as nobody's.
inline constexpr std::chrono::seconds kRecordAgain{3};

struct TakeoverInput {
  const std::string& self;
  const std::vector<VipElection>& questions;  ///< ascending by VIP: all that are served
  const Owners& owners;                       ///< of elect
  const LiveView& nodes;
  /// An address of each node by which the others reach it on the network.
  const std::map<std::string, IpAddress>& nodeAddresses;
  const std::set<IpAddress>& announced;  ///< by the kernel of this node
  /// The nodes' addresses are of the network of the bind interface, as far as this node's own
  /// shows: only then does silence end the patience that a node asked for.
  bool addressesAreOnTheWire = true;
};

struct TakeoverDecision {
  std::set<IpAddress> announce;
  std::vector<IpAddress> ask;  ///< as in Questions
  std::set<IpAddress> open;
  std::set<IpAddress> urgent;
  std::map<IpAddress, std::string> conflicts;  ///< VIP -> hardware address of a conflicting host
  std::optional<MonotonicTime> next;           ///< when to decide again without news
};

/// Beginning: at once if we had the VIP already, or if its holder lives or leaves (it gives way by
/// the same rules). If nobody has it, or the holder says that
/// something else there has it: after a probe of the VIP to which no conflicting host answers; if a
/// node that lives had it until its record was lost, that one has kRecordAgain to say so first. If
/// the holder is silent (stale Lease): after a probe of the holder's own address: no answer, and
/// the machine is gone; an answer, and its kernel goes on serving, so it keeps the VIP for
/// kSilentDaemonGrace. That a daemon said at its stop that it comes back changes nothing while its
/// machine answers, nor when it does not: a machine that reboots is as silent as one without power.
/// Only where silence may mean another network than the VIPs' does the patience run out in full
/// before anybody is asked.
///
/// Ending: when another node is the owner and the IP object says that it has taken over, or after
/// kRelease, which begins when a node is recorded and the view of nodes is settled. At once if
/// nobody may announce the VIP (unless we are only leaving).
///
/// Until the view of nodes is established everything stays as the kernel has it. One thread.
class Takeover {
 public:
  [[nodiscard]] TakeoverDecision decide(const TakeoverInput& input, MonotonicTime now);

  /// The outcome of a probe: the hardware address that answered, or nothing.
  void answered(const IpAddress& address, std::optional<std::string> mac, MonotonicTime now);

 private:
  struct Probe {
    bool pending = true;
    MonotonicTime at;  ///< of the answer
    std::optional<std::string> mac;
  };

  class Round;

  std::map<IpAddress, Probe> probes_;
  std::map<IpAddress, std::string> lastHolders_;
  std::map<IpAddress, MonotonicTime> wantedSince_;    ///< ours, but we wait
  std::map<IpAddress, MonotonicTime> relievedSince_;  ///< announced, but another is the owner
};

}  // namespace barevip::node
