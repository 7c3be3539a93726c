// SPDX-License-Identifier: Apache-2.0
// This node's Lease: how the others know that it lives.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/node.h"

#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

/// How long the others wait for a daemon that stopped and said that it comes back: long enough for
/// the next pod of a DaemonSet rollout.
inline constexpr std::chrono::seconds kHoldDuration{30};

struct MembershipOptions {
  std::string ns;
  std::string node;
  std::string bindInterface;  ///< the first of them
  bool ipv6 = true;           ///< the node serves VIPs of that family
  /// Of the Node object, with which the Lease goes; empty: not seen yet. Thread-safe.
  std::function<std::string()> nodeUid;
};

/// Why this node gives its VIPs to others.
enum class LeaveReason : std::uint8_t {
  kHandover,   ///< the daemon is about to stop
  kNoCarrier,  ///< the bind interface cannot be reached
  kUnsafe,     ///< what runs beside us spoils the data path
};

/// Renews the Lease every kRenewInterval from a thread of its own. A renewal that fails changes
/// nothing here: this node goes on announcing what it announces, until it sees that another node
/// took over; an API server that is away stops no traffic.
///
/// On a planned stop either hold(), and nothing moves for kHoldDuration, since the kernel serves
/// on; or setLeaving(kHandover, true), and the others take over while this node still answers.
class Membership {
 public:
  /// References must outlive this.
  Membership(kube::Api& api, const Clock& clock, MembershipOptions options);
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  void start();
  /// No more renewals; the Lease stays as it is.
  void stop();

  /// Leaving while there is any reason. Thread-safe; renews at once if that is a change.
  void setLeaving(LeaveReason reason, bool is);

  /// What the others should know of this node. Until the first call the Lease goes on saying what
  /// it said, which an earlier process knew. Thread-safe; renews at once if it is a change.
  void setEligibility(Eligibility eligibility);

  /// What the bind interfaces are like. Until the first call the Lease says what it said.
  /// Thread-safe; renews at once if it is a change.
  void setInterfaces(const net::BindInterfaces& interfaces);

  /// After stop(): asks the others for kHoldDuration. Takes at most `deadline`.
  Result<void> hold(std::chrono::milliseconds deadline);

 private:
  void run(const std::stop_token& stop);
  /// False: there is no Lease yet, and nobody knows the Node that it should go with.
  Result<bool> renew(std::chrono::seconds duration, const std::stop_token& stop);
  void complain(const Result<bool>& outcome);

  kube::Api& api_;
  const Clock& clock_;
  const MembershipOptions options_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::set<LeaveReason> reasons_;
  std::optional<Eligibility> eligibility_;
  std::string interfaces_;  ///< as the Lease publishes them; empty: not known
  bool renewNow_ = false;
  std::string lastComplaint_;
  int triesWithoutNode_ = 0;
  std::jthread thread_;
};

}  // namespace barevip::node
