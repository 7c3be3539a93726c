// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>

#include "barevip/base/ip.h"

#include "assigner/allocation/address_set.h"

namespace barevip::assigner {

/// Which IPv4 addresses of a Pool are left out by their last octet. IPv6 has no such habits.
struct Avoid {
  bool buggy = false;    ///< 0 and 255
  bool gateway = false;  ///< 1 and 254

  friend bool operator==(const Avoid&, const Avoid&) = default;
};

/// Takes from the set what can be no virtual address on a network (unusableRanges).
void removeUnusable(AddressSet& addresses);

/// The addresses of one Pool and which of them are taken. Not thread-safe.
///
/// Keeps the maximal runs of numbers that cannot be allocated: outside the ranges, held, or avoided
/// ones that follow these. So the lowest free address is behind the first run: a constant time,
/// whatever the size of the Pool; hold and release are O(log runs).
class PoolSpace {
 public:
  /// Unusable addresses are removed from `addresses` first.
  PoolSpace(AddressSet addresses, Avoid avoid);

  [[nodiscard]] const AddressSet& addresses() const { return addresses_; }

  /// Within the ranges, but left out by its last octet.
  [[nodiscard]] bool avoids(const IpAddress& address) const;
  /// Within the ranges and not left out: it may be given.
  [[nodiscard]] bool offers(const IpAddress& address) const;

  /// How many addresses it offers, and how many of these are held.
  [[nodiscard]] Uint128 capacity(Family family) const { return at(capacity_, family); }
  [[nodiscard]] Uint128 held(Family family) const { return at(held_, family); }

  [[nodiscard]] std::optional<IpAddress> lowestFree(Family family) const;

  /// Once for each address until its release. What is not offered is ignored.
  void allocation(const IpAddress& address);
  void release(const IpAddress& address);

 private:
  using Runs = std::map<Uint128, Uint128>;  ///< first -> last
  template <class T>
  using PerFamily = std::array<T, 2>;

  template <class T>
  static T& at(PerFamily<T>& values, Family family) {
    return values.at(family == Family::kIpv4 ? 0 : 1);
  }
  template <class T>
  static const T& at(const PerFamily<T>& values, Family family) {
    return values.at(family == Family::kIpv4 ? 0 : 1);
  }

  [[nodiscard]] bool avoidsNumber(Family family, Uint128 number) const;
  /// How many of the numbers below `end` are avoided; IPv4.
  [[nodiscard]] Uint128 avoidedBelow(Uint128 end) const;
  /// The end of the avoided numbers that follow `last` without a gap, or `last`.
  [[nodiscard]] Uint128 extended(Family family, Uint128 last) const;
  void insertRun(Family family, Uint128 first, Uint128 last);
  /// Keeps a rest of a run, unless it has avoided numbers only: these need no run.
  void keepRun(Family family, Uint128 first, Uint128 last);

  AddressSet addresses_;
  Avoid avoid_;
  PerFamily<Runs> unavailable_;
  PerFamily<Uint128> capacity_{};
  PerFamily<Uint128> held_{};
};

}  // namespace barevip::assigner
