// SPDX-License-Identifier: Apache-2.0
// Progress for people who wait.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <iosfwd>
#include <mutex>
#include <string>
#include <thread>

#include "barevip/base/clock.h"

namespace barevip::cli {

/// Prints the name of each step that takes longer than a second, once. The stream is written from
/// a thread of its own until the end of this.
class SlowSteps {
 public:
  /// References must outlive this.
  SlowSteps(const Clock& clock, std::ostream& out);

  /// The step before has ended.
  void begin(const std::string& step);

 private:
  void run(const std::stop_token& stop);

  const Clock& clock_;
  std::ostream& out_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string step_;
  std::uint64_t number_ = 0;
  std::jthread thread_;
};

}  // namespace barevip::cli
