// SPDX-License-Identifier: Apache-2.0
// Leader election by a Lease (client-go's leaderelection).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/node.h"

#include "common/kube/random.h"

namespace barevip::kube {

/// The defaults and the rules are those of client-go.
struct LeaseTimes {
  std::chrono::milliseconds leaseDuration{15'000};
  std::chrono::milliseconds renewDeadline{10'000};  ///< at least a second less than leaseDuration
  std::chrono::milliseconds retryPeriod{2'000};     ///< kMostJitter times it is < renewDeadline

  static constexpr double kMostJitter = 1.2;

  /// Of each request: a write that was checked before it was sent ends before another process can
  /// lead, and a renewal that hangs, as for a webhook that is not there, leaves time for another.
  [[nodiscard]] std::chrono::milliseconds requestDeadline() const {
    return std::min(leaseDuration - renewDeadline, renewDeadline / 2);
  }
};

/// Holds a Lease, or waits for it. No two clocks are compared: a candidate takes a lease over when
/// it has itself seen no change of it for the lease's duration. That a Lease is deleted, or loses
/// its holder, is such a change: who held it may not know yet. Only a Lease that its holder gave
/// up, and one that this process has never seen, is taken at once.
///
/// The holder counts from before its last successful renewal was sent, others from when they saw
/// it, which is later. So leading() ends leaseDuration - renewDeadline before anybody else can
/// lead, however slow or cut off this process is: check it before each write, and give a write no
/// longer than LeaseTimes::requestDeadline().
///
/// This holds over a suspend, since Clock goes on meanwhile. It cannot hold for a write that was
/// checked before and leaves after one, nor for a virtual machine whose clocks stood still with it:
/// so writes are made on condition of a resourceVersion, or create an object of a fixed name.
class LeaderElector {
 public:
  struct Options {
    ObjectKey lease;
    std::string identity;  ///< unique to this process, e.g. pod name and a random part
    LeaseTimes times = {};
  };
  using Callback = std::function<void()>;

  /// onStarted and onStopped run on the elector's thread, in turn, and should return soon: no
  /// renewal happens meanwhile. On a clean stop the lease is released after onStopped returned, so
  /// that the next leader starts within a retry period. References must outlive this.
  LeaderElector(Api& api, const Clock& clock, Options options, Callback onStarted,
                Callback onStopped, Random random = systemRandom());
  ~LeaderElector();
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  void start();
  /// Gives the lease up, for which it takes at most a second if the server does not answer.
  void stop();

  /// Thread-safe. Gives the lease up and lets others go first, for the lease's duration.
  void resign();

  /// Thread-safe. True only while nobody else can hold the lease.
  [[nodiscard]] bool leading() const;

  /// Thread-safe. When the thread last began to look at the Lease; the clock's epoch if never.
  [[nodiscard]] MonotonicTime lastStep() const { return lastStep_.load(); }

  /// The identity that was last seen in the lease; may be empty.
  [[nodiscard]] std::string holder() const;

 private:
  void run(const std::stop_token& stop);
  void step(const std::stop_token& stop);
  bool acquireOrRenew(const std::stop_token& stop);
  Result<bool> mayTake(const std::stop_token& stop);
  bool mayCreate();
  bool create(const std::stop_token& stop);
  void standBack();
  Result<void> write(const model::Lease& lease, const std::stop_token& stop);
  void observe(const model::Lease& lease);
  void release();
  void complain(const char* what, const Error& error);
  [[nodiscard]] model::Lease mine() const;

  Api& api_;
  const Clock& clock_;
  const Options options_;
  Callback onStarted_;
  Callback onStopped_;
  Random random_;

  // The thread's own.
  model::Lease observed_;         ///< as last seen or written; key.name empty: none yet
  MonotonicTime observedTime_{};  ///< when it last changed, on this machine
  std::optional<MonotonicTime> missingSince_;  ///< the Lease was not there at the last looks
  MonotonicTime backAt_{};                     ///< stands back until then
  bool started_ = false;                       ///< onStarted ran, onStopped not yet
  std::string lastComplaint_;

  std::atomic<bool> held_{false};
  std::atomic<bool> resign_{false};
  std::atomic<MonotonicTime> lastStep_{MonotonicTime{}};
  std::atomic<MonotonicTime> renewed_{MonotonicTime{}};  ///< before the last renewal was sent
  mutable std::mutex mutex_;                             ///< of holder_ and the pause
  std::string holder_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace barevip::kube
