// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "barevip/base/ip.h"

namespace barevip::assigner {

/// A set of addresses as ascending ranges that neither overlap nor touch. A value; its cost depends
/// on the number of ranges, never on the number of addresses.
class AddressSet {
 public:
  void add(const IpRange& range);
  void subtract(const IpRange& range);

  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool overlaps(const IpRange& range) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] const std::vector<IpRange>& ranges() const { return ranges_; }

  /// The lowest part that both have, if any.
  [[nodiscard]] std::optional<IpRange> firstOverlap(const AddressSet& other) const;

  friend bool operator==(const AddressSet&, const AddressSet&) = default;

 private:
  std::vector<IpRange> ranges_;
};

/// The highest number of a family: 2^32 - 1 or 2^128 - 1.
[[nodiscard]] constexpr Uint128 highestNumber(Family family) {
  return family == Family::kIpv4 ? Uint128{0xffffffffU} : ~Uint128{0};
}

}  // namespace barevip::assigner
