// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/address_set.h"

#include <algorithm>
#include <iterator>

namespace barevip::assigner {
namespace {

// Whether `later` overlaps `earlier` or begins right behind it, given earlier.first <= later.first.
bool joins(const IpRange& earlier, const IpRange& later) {
  if (earlier.family() != later.family()) return false;
  if (later.first <= earlier.last) return true;
  return later.first.number() - earlier.last.number() == 1;
}

IpAddress before(const IpAddress& address) {
  return IpAddress::fromNumber(address.family(), address.number() - 1);
}

IpAddress after(const IpAddress& address) {
  return IpAddress::fromNumber(address.family(), address.number() + 1);
}

}  // namespace

void AddressSet::add(const IpRange& range) {
  std::vector<IpRange> next;
  next.reserve(ranges_.size() + 1);
  const auto position = std::upper_bound(
      ranges_.begin(), ranges_.end(), range,
      [](const IpRange& value, const IpRange& each) { return value.first < each.first; });
  const auto append = [&next](const IpRange& each) {
    if (!next.empty() && joins(next.back(), each)) {
      next.back().last = std::max(next.back().last, each.last);
    } else {
      next.push_back(each);
    }
  };
  std::for_each(ranges_.begin(), position, append);
  append(range);
  std::for_each(position, ranges_.end(), append);
  ranges_ = std::move(next);
}

void AddressSet::subtract(const IpRange& range) {
  std::vector<IpRange> next;
  next.reserve(ranges_.size() + 1);
  for (const IpRange& each : ranges_) {
    if (!each.overlaps(range)) {
      next.push_back(each);
      continue;
    }
    if (each.first < range.first) next.push_back({each.first, before(range.first)});
    if (range.last < each.last) next.push_back({after(range.last), each.last});
  }
  ranges_ = std::move(next);
}

bool AddressSet::contains(const IpAddress& address) const { return overlaps({address, address}); }

bool AddressSet::overlaps(const IpRange& range) const {
  const auto behind = std::upper_bound(
      ranges_.begin(), ranges_.end(), range.last,
      [](const IpAddress& value, const IpRange& each) { return value < each.first; });
  return behind != ranges_.begin() && std::prev(behind)->overlaps(range);
}

std::optional<IpRange> AddressSet::firstOverlap(const AddressSet& other) const {
  auto mine = ranges_.begin();
  auto theirs = other.ranges_.begin();
  while (mine != ranges_.end() && theirs != other.ranges_.end()) {
    if (mine->overlaps(*theirs)) {
      return IpRange{std::max(mine->first, theirs->first), std::min(mine->last, theirs->last)};
    }
    if (mine->last < theirs->last) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return std::nullopt;
}

}  // namespace barevip::assigner
