// SPDX-License-Identifier: Apache-2.0
#include "common/base/covering.h"

#include <algorithm>

namespace barevip {
namespace {

// Between two ranges of one family that follow each other.
struct Gap {
  Uint128 size = 0;
  std::size_t after = 0;  // the index of the range before it

  friend bool operator<(const Gap& a, const Gap& b) {
    return a.size != b.size ? a.size < b.size : a.after < b.after;
  }
};

std::vector<IpRange> joinNeighbours(const std::vector<IpAddress>& ascending) {
  std::vector<IpRange> result;
  for (const IpAddress& each : ascending) {
    const bool next = !result.empty() && result.back().family() == each.family() &&
                      each.number() - result.back().last.number() <= 1;
    if (next) {
      result.back().last = each;
    } else {
      result.push_back({each, each});
    }
  }
  return result;
}

}  // namespace

std::vector<IpRange> covering(std::vector<IpAddress> addresses, std::size_t most) {
  std::sort(addresses.begin(), addresses.end());
  const std::vector<IpRange> ranges = joinNeighbours(addresses);
  if (ranges.size() <= most) return ranges;
  std::vector<Gap> gaps;
  gaps.reserve(ranges.size());
  for (std::size_t i = 0; i + 1 < ranges.size(); ++i) {
    if (ranges[i].family() != ranges[i + 1].family()) continue;
    gaps.push_back({ranges[i + 1].first.number() - ranges[i].last.number(), i});
  }
  std::sort(gaps.begin(), gaps.end());
  gaps.resize(std::min(gaps.size(), ranges.size() - most));
  std::vector<bool> joined(ranges.size(), false);
  for (const Gap& gap : gaps) joined[gap.after] = true;
  std::vector<IpRange> result;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i > 0 && joined[i - 1]) {
      result.back().last = ranges[i].last;
    } else {
      result.push_back(ranges[i]);
    }
  }
  return result;
}

}  // namespace barevip
