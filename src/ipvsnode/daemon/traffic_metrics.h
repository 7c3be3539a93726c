// SPDX-License-Identifier: Apache-2.0
// IPVS's own counters as metrics: per VIP and port, and per backend.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/ipvs/traffic.h"

#include "common/obs/metrics.h"
#include "ipvsnode/daemon/traffic_reading.h"

namespace barevip::node {

/// Reads on a thread and by a socket of its own, so that no pass waits for it; a scrape shows the
/// last reading. A series has the Service that its virtual server is for now, and leaves with it,
/// at the next scrape. After a failed reading there are no series, rather than old ones.
class TrafficMetrics {
 public:
  static constexpr std::chrono::seconds kPeriod{15};
  /// The pause is at least this many times as long as the reading took.
  static constexpr int kLeastPause = 10;

  /// counting: whether the kernel brings its counters up to date (ipvs::Traffic); asked before each
  /// reading, on its thread. While it does not, there are connections of now and no counters.
  /// Nothing of kernel and counting is used before read() or start().
  TrafficMetrics(ipvs::Traffic& kernel, std::function<bool()> counting, const Clock& clock,
                 obs::Registry& metrics, TrafficLimits limits = {});

  void start();
  /// What the virtual servers are for, ascending by key. Thread-safe.
  void serve(std::vector<VipPort> vipPorts);
  /// One reading; returns when the next one is due. On one thread.
  MonotonicTime read();

 private:
  struct Shown {
    TrafficReading reading;
    bool counting = false;
  };
  struct View {
    std::shared_ptr<const Shown> shown;
    std::shared_ptr<const std::vector<VipPort>> vipPorts;
  };
  using ServerSamples = std::function<void(const Shown&, const ListedTraffic&, const obs::Labels&,
                                           std::vector<obs::Sample>&)>;

  void addServerMetrics(obs::Registry& metrics);
  void addBackendMetrics(obs::Registry& metrics);
  void addOwnMetrics(obs::Registry& metrics);
  [[nodiscard]] View view() const;
  [[nodiscard]] std::vector<obs::Sample> samples(const ServerSamples& add) const;
  void run(const std::stop_token& stop);

  ipvs::Traffic& kernel_;
  const std::function<bool()> counting_;
  const Clock& clock_;
  const TrafficLimits limits_;
  obs::Registry& metrics_;
  obs::Counter& failures_;
  obs::Gauge& seconds_;
  /// Of the last reading that did not fail; of the reading thread, as the next one.
  std::shared_ptr<const Shown> lastGood_ = std::make_shared<const Shown>();
  std::string lastFailure_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::shared_ptr<const Shown> shown_ = std::make_shared<const Shown>();
  std::shared_ptr<const std::vector<VipPort>> vipPorts_ =
      std::make_shared<const std::vector<VipPort>>();
  std::jthread thread_;
};

}  // namespace barevip::node
