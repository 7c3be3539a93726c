// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "barevip/base/clock.h"

#include "common/kube/random.h"

namespace barevip::kube {

/// Growing pauses between tries, spread so that a cluster's clients do not come back in step. The
/// values are client-go's for its reflectors. Not thread-safe.
class Backoff {
 public:
  struct Options {
    std::chrono::milliseconds first{800};
    std::chrono::milliseconds longest{30'000};
    double factor = 2.0;
    double jitter = 1.0;                            ///< up to this share is added at random
    std::chrono::milliseconds resetAfter{120'000};  ///< quiet time after which it starts over
  };

  Backoff(const Clock& clock, Random random, Options options)
      : clock_(clock), random_(std::move(random)), options_(options), next_(options.first) {}
  Backoff(const Clock& clock, Random random) : Backoff(clock, std::move(random), Options{}) {}

  /// How long to wait now: at most the smaller of `longest` and `limit`, plus the jitter.
  [[nodiscard]] std::chrono::milliseconds next(
      std::chrono::milliseconds limit = std::chrono::milliseconds::max()) {
    const MonotonicTime now = clock_.now();
    if (now - last_ > options_.resetAfter) next_ = options_.first;
    const auto base = std::min(next_, limit);
    next_ = std::min(options_.longest, scaled(next_, options_.factor));
    const auto pause = base + scaled(base, options_.jitter * random_());
    last_ = now + pause;
    return pause;
  }

  void reset() { next_ = options_.first; }

 private:
  static std::chrono::milliseconds scaled(std::chrono::milliseconds value, double by) {
    return std::chrono::milliseconds(
        static_cast<std::chrono::milliseconds::rep>(static_cast<double>(value.count()) * by));
  }

  const Clock& clock_;
  Random random_;
  Options options_;
  std::chrono::milliseconds next_;
  MonotonicTime last_{};
};

}  // namespace barevip::kube
