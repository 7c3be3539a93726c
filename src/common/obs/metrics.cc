// SPDX-License-Identifier: Apache-2.0
#include "common/obs/metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>

namespace barevip::obs {
namespace {

std::string render(const Labels& labels) {
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
    out << value;
  }
  out << '\n';
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

Registry::Family& Registry::family(std::string_view name, std::string_view help, bool isCounter) {
  const auto it = families_.find(name);
  if (it != families_.end()) return it->second;
  Family& made = families_[std::string(name)];
  made.help = help;
  made.isCounter = isCounter;
  return made;
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, true).counters[render(labels)];
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(mutex_);
  return family(name, help, false).gauges[render(labels)];
}

void Registry::gaugeFrom(std::string_view name, std::string_view help,
                         std::function<double()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help, false).read = std::move(read);
}

void Registry::counterFrom(std::string_view name, std::string_view help,
                           std::function<double()> read) {
  const std::lock_guard lock(mutex_);
  family(name, help, true).read = std::move(read);
}

std::string Registry::text() const {
  const std::lock_guard lock(mutex_);
  std::ostringstream out;
  for (const auto& [name, family] : families_) {
    out << "# HELP " << name << ' ' << family.help << "\n# TYPE " << name
        << (family.isCounter ? " counter\n" : " gauge\n");
    for (const auto& [labels, counter] : family.counters)
      sample(out, name, labels, counter.value());
    for (const auto& [labels, gauge] : family.gauges) sample(out, name, labels, gauge.value());
    if (family.read) sample(out, name, "", family.read());
  }
  return out.str();
}

void addProcessMetrics(Registry& registry) {
  registry.gaugeFrom("process_resident_memory_bytes", "Resident memory size in bytes.",
                     residentBytes);
  registry.gaugeFrom("process_open_fds", "Number of open file descriptors.", openFileDescriptors);
  const auto start = std::chrono::system_clock::now().time_since_epoch();
  registry
      .gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.")
      .set(std::floor(std::chrono::duration<double>(start).count()));
}

}  // namespace barevip::obs
