// SPDX-License-Identifier: Apache-2.0
// Few ranges in place of many addresses.
#pragma once

#include <cstddef>
#include <vector>

#include "barevip/base/ip.h"

namespace barevip {

/// Ascending ranges that contain all the addresses, at most `most` of them (at least one of each
/// family). Neighbours become one range; if there are still too many, so do the nearest ones, and
/// then the ranges contain more than the addresses. O(n log n).
[[nodiscard]] std::vector<IpRange> covering(std::vector<IpAddress> addresses, std::size_t most);

}  // namespace barevip
