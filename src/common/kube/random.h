// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace barevip::kube {

/// Evenly spread in [0, 1). Thread-safe. For spreading load, not for secrets.
using Random = std::function<double()>;

/// Seeded by the machine; each call makes an independent source.
[[nodiscard]] Random systemRandom();

}  // namespace barevip::kube
