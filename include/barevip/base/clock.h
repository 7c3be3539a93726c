// SPDX-License-Identifier: Apache-2.0
// Time behind a seam, so that tests own it.
#pragma once

#include <chrono>

namespace barevip {

using MonotonicTime = std::chrono::steady_clock::time_point;  ///< for intervals
using WallTime = std::chrono::system_clock::time_point;       ///< to show to people and peers

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] virtual WallTime wallNow() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wallNow() const override { return std::chrono::system_clock::now(); }
};

}  // namespace barevip
