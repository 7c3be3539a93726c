// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_space.h"

#include <iterator>
#include <string_view>
#include <utility>

namespace barevip::assigner {
namespace {

constexpr std::array<Family, 2> kFamilies{Family::kIpv4, Family::kIpv6};

}  // namespace

void removeUnusable(AddressSet& addresses) {
  for (const IpRange& range : unusableRanges()) addresses.subtract(range);
}

PoolSpace::PoolSpace(AddressSet addresses, Avoid avoid)
    : addresses_(std::move(addresses)), avoid_(avoid) {
  removeUnusable(addresses_);
  for (const Family family : kFamilies) {
    Uint128 next = 0;  // the first number that no range seen so far covers
    bool ended = false;
    for (const IpRange& range : addresses_.ranges()) {
      if (range.family() != family) continue;
      if (next < range.first.number()) insertRun(family, next, range.first.number() - 1);
      // Never 2^128: the unusable addresses are not in it.
      Uint128 size = range.sizeMinusOne() + 1;
      if (family == Family::kIpv4) {
        size -= avoidedBelow(range.last.number() + 1) - avoidedBelow(range.first.number());
      }
      at(capacity_, family) += size;
      ended = range.last.number() == highestNumber(family);
      next = range.last.number() + 1;
    }
    if (!ended) insertRun(family, next, highestNumber(family));
  }
}

bool PoolSpace::avoids(const IpAddress& address) const {
  return avoidsNumber(address.family(), address.number()) && addresses_.contains(address);
}

bool PoolSpace::offers(const IpAddress& address) const {
  return !avoidsNumber(address.family(), address.number()) && addresses_.contains(address);
}

std::optional<IpAddress> PoolSpace::lowestFree(Family family) const {
  // Number 0 is unusable in both families, so there is a first run and it begins at 0.
  const Uint128 last = at(unavailable_, family).begin()->second;
  if (last == highestNumber(family)) return std::nullopt;
  return IpAddress::fromNumber(family, last + 1);
}

void PoolSpace::allocation(const IpAddress& address) {
  if (!offers(address)) return;
  insertRun(address.family(), address.number(), address.number());
  ++at(held_, address.family());
}

void PoolSpace::release(const IpAddress& address) {
  if (!offers(address)) return;
  const Family family = address.family();
  Runs& runs = at(unavailable_, family);
  const auto run = std::prev(runs.upper_bound(address.number()));
  const auto [first, last] = *run;
  runs.erase(run);
  if (first < address.number()) keepRun(family, first, address.number() - 1);
  if (address.number() < last) keepRun(family, address.number() + 1, last);
  --at(held_, family);
}

bool PoolSpace::avoidsNumber(Family family, Uint128 number) const {
  if (family != Family::kIpv4) return false;
  const auto octet = static_cast<unsigned>(number) & 0xffU;
  return (avoid_.buggy && (octet == 0 || octet == 255)) ||
         (avoid_.gateway && (octet == 1 || octet == 254));
}

Uint128 PoolSpace::avoidedBelow(Uint128 end) const {
  const Uint128 block = end >> 8U << 8U;
  Uint128 perBlock = 0;
  if (avoid_.buggy) perBlock += 2;
  if (avoid_.gateway) perBlock += 2;
  Uint128 count = (end >> 8U) * perBlock;
  for (Uint128 number = block; number < end; ++number) {
    if (avoidsNumber(Family::kIpv4, number)) ++count;
  }
  return count;
}

Uint128 PoolSpace::extended(Family family, Uint128 last) const {
  // At most four steps: .254, .255, .0 and .1 are neighbours.
  while (last != highestNumber(family) && avoidsNumber(family, last + 1)) ++last;
  return last;
}

void PoolSpace::insertRun(Family family, Uint128 first, Uint128 last) {
  Runs& runs = at(unavailable_, family);
  last = extended(family, last);
  auto next = runs.upper_bound(first);
  if (next != runs.begin()) {
    const auto previous = std::prev(next);
    if (previous->second >= first || previous->second + 1 == first) {
      first = previous->first;
      last = std::max(last, previous->second);
      next = runs.erase(previous);
    }
  }
  while (next != runs.end() && (last == highestNumber(family) || next->first <= last + 1)) {
    last = std::max(last, next->second);
    next = runs.erase(next);
  }
  runs.emplace_hint(next, first, last);
}

void PoolSpace::keepRun(Family family, Uint128 first, Uint128 last) {
  for (Uint128 number = first; avoidsNumber(family, number); ++number) {
    if (number == last) return;
  }
  at(unavailable_, family).emplace(first, last);
}

}  // namespace barevip::assigner
