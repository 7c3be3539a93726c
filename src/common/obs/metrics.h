// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms in the Prometheus text format (exposition format 0.0.4).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
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

/// How long things took. Names end in _seconds. Thread-safe; a reader may see a part of what is
/// being noted.
class Histogram {
 public:
  /// Upper bounds of the buckets, in seconds; a last one without a bound follows.
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                      0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

  void observe(std::chrono::nanoseconds duration);
  /// Those in bucket i alone; the last i is kBounds.size().
  [[nodiscard]] std::uint64_t in(std::size_t i) const {
    return counts_.at(i).load(std::memory_order_relaxed);
  }
  [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<double> sum_{0};
};

/// One value of a family whose label values come and go.
struct Sample {
  Labels labels;
  double value = 0;
};

/// Owns all metrics of a process. Thread-safe. References stay valid as long as the registry.
class Registry {
 public:
  /// The same name and labels give the same counter. Names end in _total.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {});

  /// Read at each scrape. `read` must be thread-safe and outlive the registry.
  void gaugeFrom(std::string_view name, std::string_view help, std::function<double()> read,
                 Labels labels = {});
  void counterFrom(std::string_view name, std::string_view help, std::function<double()> read);
  /// As gaugeFrom(), for label values that come and go with what they name.
  void gaugesFrom(std::string_view name, std::string_view help,
                  std::function<std::vector<Sample>()> read);
  /// As gaugesFrom(), of numbers that only grow for as long as their labels stay.
  void countersFrom(std::string_view name, std::string_view help,
                    std::function<std::vector<Sample>()> read);

  /// Shows the family `now` under its old name, too, for those who still ask for that.
  void alias(std::string_view old, std::string_view now);

  [[nodiscard]] std::string text() const;

 private:
  enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };
  struct Family {
    std::string help;
    Type type = Type::kGauge;
    std::map<std::string, Counter> counters;  ///< by rendered labels
    std::map<std::string, Gauge> gauges;
    std::map<std::string, Histogram> histograms;
    std::map<std::string, std::function<double()>> reads;
    std::function<std::vector<Sample>()> readAll;
  };

  /// A family as text, but for what has to be read.
  struct Rendered {
    std::string name;
    std::string text;
    std::map<std::string, std::function<double()>> reads;
    std::function<std::vector<Sample>()> readAll;
  };

  Family& family(std::string_view name, std::string_view help, Type type);
  [[nodiscard]] std::vector<Rendered> rendered() const;
  [[nodiscard]] static Rendered render(const std::string& name, std::string_view help,
                                       const Family& family);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
  std::map<std::string, std::string> aliases_;  ///< by the old name
};

/// Resident memory, open file descriptors and start time of this process, as Prometheus' client
/// libraries name them, and barevip_build_info, whose label is the version.
void addProcessMetrics(Registry& registry);

}  // namespace barevip::obs
