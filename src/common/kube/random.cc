// SPDX-License-Identifier: Apache-2.0
#include "common/kube/random.h"

#include <memory>
#include <mutex>
#include <random>

namespace barevip::kube {

Random systemRandom() {
  struct Source {
    std::mutex mutex;
    std::mt19937_64 engine{std::random_device{}()};
  };
  return [source = std::make_shared<Source>()] {
    const std::lock_guard lock(source->mutex);
    return std::uniform_real_distribution<double>(0.0, 1.0)(source->engine);
  };
}

}  // namespace barevip::kube
