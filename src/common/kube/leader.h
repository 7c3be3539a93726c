// SPDX-License-Identifier: Apache-2.0
// Leader election by a Lease (client-go's tools/leaderelection).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/model/node.h"

namespace barevip::kube {

/// At most one process leads at a time, as long as clocks run at about the same rate: no clock is
/// compared with another machine's. A holder stops leading at renewDeadline after the start of its
/// last successful renewal; others take the Lease only after they saw it unchanged for
/// leaseDuration, which is longer. leading() is what every write must ask for just before it is
/// sent.
class LeaderElector {
 public:
  struct Options {
    ObjectKey lease;
    std::string identity;  ///< unique for each process, not for each pod
    std::chrono::milliseconds leaseDuration{15'000};
    std::chrono::milliseconds renewDeadline{10'000};
    std::chrono::milliseconds retryPeriod{2'000};
  };

  /// The callbacks run on the elector's thread: onStarted after leading() became true, onStopped
  /// after it became false. They must return soon. Api and clock outlive the elector.
  LeaderElector(Api& api, const Clock& clock, Options options, std::function<void()> onStarted,
                std::function<void()> onStopped);

  void start();

  /// Ends the thread and, if leading, gives the Lease back so that another can lead at once.
  void stop();

  /// Thread-safe and cheap.
  [[nodiscard]] bool leading() const;

  /// Who holds the Lease as far as this process has seen; empty: nobody.
  [[nodiscard]] std::string holder() const;

  /// One try to take or renew the Lease. True if this process holds it now. For run() and tests.
  Result<bool> tryAcquireOrRenew(const std::stop_token& stop);

 private:
  void run(const std::stop_token& stop);
  void endTerm();
  void release();
  void observe(const std::string& record, const std::string& holder);

  Api& api_;
  const Clock& clock_;
  const Options options_;
  const std::function<void()> onStarted_;
  const std::function<void()> onStopped_;

  /// Leading until then, in nanoseconds of the clock; 0: not leading.
  std::atomic<std::int64_t> leadingUntil_ = 0;
  bool inTerm_ = false;  ///< onStarted was called and onStopped not yet

  mutable std::mutex mutex_;  ///< of the observed record
  std::string observedHolder_;
  std::string observedRecord_;
  MonotonicTime observedAt_;

  std::jthread thread_;
};

}  // namespace barevip::kube
