// SPDX-License-Identifier: Apache-2.0
#include "common/obs/metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <sstream>

namespace barevip::obs {
namespace {

std::string renderLabels(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    text += text.empty() ? "{" : ",";
    text += key;
    text += "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') text += '\\';
      if (c == '\n') {
        text += "\\n";
      } else {
        text += c;
      }
    }
    text += '"';
  }
  if (!text.empty()) text += '}';
  return text;
}

void sample(std::ostringstream& out, const std::string& name, const std::string& labels,
            double value) {
  out << name << labels << ' ';
  if (std::abs(value) < 1e15 && value == std::floor(value)) {
    out << static_cast<long long>(value);
  } else {
    out << std::setprecision(12) << value;
  }
  out << '\n';
}

// rendered: of the histogram; what is cumulated is told from the bucket's own label, le.
void samples(std::ostringstream& out, const std::string& name, const std::string& rendered,
             const Histogram& histogram) {
  const std::string before = rendered.empty() ? "{" : rendered.substr(0, rendered.size() - 1) + ",";
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= Histogram::kBounds.size(); ++i) {
    count += histogram.in(i);
    std::ostringstream bound;
    i < Histogram::kBounds.size() ? bound << Histogram::kBounds.at(i) : bound << "+Inf";
    sample(out, name + "_bucket", before + "le=\"" + bound.str() + "\"}",
           static_cast<double>(count));
  }
  sample(out, name + "_sum", rendered, histogram.sum());
  sample(out, name + "_count", rendered, static_cast<double>(count));
}

double residentBytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double openFileDescriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  double count = -3;  // ".", ".." and the directory's own
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace

void Histogram::observe(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  counts_.at(static_cast<std::size_t>(bucket)).fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(seconds, std::memory_order_relaxed);
}

Registry::Family& Registry::family(std::string_view name, std::string_view help, Type type) {
  const auto it = families_.find(name);
  if (it != families_.end()) return it->second;
  Family& made = families_[std::string(name)];
  made.help = help;
  made.type = type;
  return made;
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, Type::kCounter).counters[renderLabels(labels)];
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, Type::kGauge).gauges[renderLabels(labels)];
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, Type::kHistogram).histograms[renderLabels(labels)];
}

void Registry::gaugeFrom(std::string_view name, std::string_view help, std::function<double()> read,
                         Labels labels) {
  const std::lock_guard lock(mutex_);
  family(name, help, Type::kGauge).reads[renderLabels(labels)] = std::move(read);
}

void Registry::counterFrom(std::string_view name, std::string_view help,
                           std::function<double()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help, Type::kCounter).reads[""] = std::move(read);
}

void Registry::gaugesFrom(std::string_view name, std::string_view help,
                          std::function<std::vector<Sample>()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help, Type::kGauge).readAll = std::move(read);
}

void Registry::countersFrom(std::string_view name, std::string_view help,
                            std::function<std::vector<Sample>()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help, Type::kCounter).readAll = std::move(read);
}

void Registry::alias(std::string_view old, std::string_view now) {
  const std::lock_guard lock(mutex_);
  aliases_.insert_or_assign(std::string(old), std::string(now));
}

// What is read from elsewhere is asked without the lock: it may wait for another one, and whoever
// counts must not.
std::string Registry::text() const {
  std::vector<Rendered> families = rendered();
  std::ostringstream out;
  for (const Rendered& family : families) {
    out << family.text;
    for (const auto& [labels, read] : family.reads) sample(out, family.name, labels, read());
    if (!family.readAll) continue;
    for (const Sample& each : family.readAll()) {
      sample(out, family.name, renderLabels(each.labels), each.value);
    }
  }
  return out.str();
}

Registry::Rendered Registry::render(const std::string& name, std::string_view help,
                                    const Family& family) {
  constexpr std::array kTypes{"counter", "gauge", "histogram"};
  std::ostringstream out;
  out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' '
      << kTypes.at(static_cast<std::size_t>(family.type)) << '\n';
  for (const auto& [labels, counter] : family.counters) sample(out, name, labels, counter.value());
  for (const auto& [labels, gauge] : family.gauges) sample(out, name, labels, gauge.value());
  for (const auto& [labels, each] : family.histograms) samples(out, name, labels, each);
  return {name, out.str(), family.reads, family.readAll};
}

std::vector<Registry::Rendered> Registry::rendered() const {
  const std::lock_guard lock(mutex_);
  std::vector<Rendered> result;
  for (const auto& [name, family] : families_) {
    result.push_back(render(name, family.help, family));
  }
  for (const auto& [old, now] : aliases_) {
    const auto it = families_.find(now);
    if (it == families_.end()) continue;
    result.push_back(render(old, "Deprecated: the old name of " + now + ".", it->second));
  }
  return result;
}

void addProcessMetrics(Registry& registry) {
  registry
      .gauge("barevip_build_info", "Always 1; the label is the version that runs.",
             {{"version", BAREVIP_VERSION}})
      .set(1);
  registry.gaugeFrom("process_resident_memory_bytes", "Resident memory size in bytes.",
                     residentBytes);
  registry.gaugeFrom("process_open_fds", "Number of open file descriptors.", openFileDescriptors);
  const auto start = std::chrono::system_clock::now().time_since_epoch();
  registry
      .gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.")
      .set(std::floor(std::chrono::duration<double>(start).count()));
}

}  // namespace barevip::obs
