// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/overlaps.h"

#include <algorithm>

namespace barevip::cli {
namespace {

// The lowest part of the range that is in none of the holes, which ascend.
std::optional<IpRange> lowestOutside(const std::vector<IpRange>& holes, IpRange range) {
  for (const IpRange& hole : holes) {
    if (!hole.contains(range.first)) continue;
    if (hole.last >= range.last) return std::nullopt;
    range.first = IpAddress::fromNumber(range.family(), hole.last.number() + 1);
  }
  const auto next = std::find_if(holes.begin(), holes.end(),
                                 [&](const IpRange& hole) { return range.contains(hole.first); });
  if (next != holes.end()) {
    range.last = IpAddress::fromNumber(range.family(), next->first.number() - 1);
  }
  return range;
}

}  // namespace

std::optional<IpRange> commonPart(const Given& a, const Given& b) {
  std::vector<IpRange> holes;
  for (const Given* const side : {&a, &b}) {
    for (const Entry& entry : side->exclude) holes.push_back(entry.range);
  }
  std::sort(holes.begin(), holes.end());
  for (const Entry& one : a.addresses) {
    for (const Entry& other : b.addresses) {
      if (!one.range.overlaps(other.range)) continue;
      const IpRange both{std::max(one.range.first, other.range.first),
                         std::min(one.range.last, other.range.last)};
      if (const auto part = lowestOutside(holes, both)) return part;
    }
  }
  return std::nullopt;
}

}  // namespace barevip::cli
