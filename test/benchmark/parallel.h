// SPDX-License-Identifier: Apache-2.0
// Many calls to an API server at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "barevip/base/result.h"

namespace barevip::bench {

/// Calls each(0) to each(count - 1), `connections` at a time. The first error ends it.
inline Result<void> forAll(std::size_t count, std::size_t connections,
                           const std::function<Result<void>(std::size_t)>& each) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  Result<void> outcome;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < connections; ++i) {
      threads.emplace_back([&] {
        for (std::size_t number = next++; number < count; number = next++) {
          const auto done = each(number);
          if (done) continue;
          const std::lock_guard lock(mutex);
          if (outcome) outcome = done;
          next = count;
        }
      });
    }
  }
  return outcome;
}

}  // namespace barevip::bench
