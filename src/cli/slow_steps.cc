// SPDX-License-Identifier: Apache-2.0
#include "cli/slow_steps.h"

#include <chrono>
#include <ostream>

namespace barevip::cli {
namespace {

constexpr std::chrono::seconds kPatience{1};

}  // namespace

SlowSteps::SlowSteps(const Clock& clock, std::ostream& out)
    : clock_(clock), out_(out), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void SlowSteps::begin(const std::string& step) {
  {
    const std::lock_guard lock(mutex_);
    step_ = step;
    ++number_;
  }
  wake_.notify_all();
}

void SlowSteps::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  std::uint64_t printed = 0;
  while (!stop.stop_requested()) {
    const std::uint64_t now = number_;
    const auto isNext = [&] { return number_ != now; };
    const auto deadline = now == printed ? MonotonicTime::max() : clock_.now() + kPatience;
    if (clock_.waitUntil(lock, wake_, stop, deadline, isNext) || stop.stop_requested()) continue;
    out_ << step_ << " ..." << std::endl;
    printed = now;
  }
}

}  // namespace barevip::cli
