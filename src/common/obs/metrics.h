// SPDX-License-Identifier: Apache-2.0
// Counters and gauges in the Prometheus text format (exposition format 0.0.4).
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace barevip::obs {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A number that only grows. Thread-safe.
class Counter {
 public:
  void add(double amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// A number that is set. Thread-safe.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Owns all metrics of a process. Thread-safe. References stay valid as long as the registry.
class Registry {
 public:
  /// The same name and labels give the same counter. Names end in _total.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});

  /// Read when somebody asks. `read` must be thread-safe and outlive the registry.
  void gaugeFrom(std::string_view name, std::string_view help, std::function<double()> read);
  void counterFrom(std::string_view name, std::string_view help, std::function<double()> read);

  [[nodiscard]] std::string text() const;

 private:
  struct Family {
    std::string help;
    bool isCounter = false;
    std::map<std::string, Counter> counters;  ///< by rendered labels
    std::map<std::string, Gauge> gauges;
    std::function<double()> read;
  };

  Family& family(std::string_view name, std::string_view help, bool isCounter);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

/// Resident memory, open file descriptors and start time of this process, as Prometheus' client
/// libraries name them.
void addProcessMetrics(Registry& registry);

}  // namespace barevip::obs
