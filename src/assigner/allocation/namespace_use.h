// SPDX-License-Identifier: Apache-2.0
// How much one namespace has of what a Pool lets it have (maxPerNamespace).
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/pool_table.h"
#include "assigner/allocation/refusal.h"

namespace barevip::assigner {

/// A namespace may have so many addresses of a Pool.
struct Limit {
  std::string ns;
  Obstacle::OfPool of;

  friend auto operator<=>(const Limit&, const Limit&) = default;
};

/// Counted once for all consumers of the namespace that ask; valid until anything is held, promised
/// or released.
class NamespaceUse {
 public:
  /// The Pool must be that of the limit.
  NamespaceUse(const PoolTable& pools, const AllocationTable& allocations, const PoolState& pool,
               Limit limit);

  /// Whether it may have one more of the family. What a Service has itself does not count: it has
  /// one of each family. What is promised to others counts if it was promised before anything was
  /// promised to who asks, so that a promise is kept whoever looks first.
  [[nodiscard]] bool hasRoomFor(const Consumer& asking) const;

 private:
  [[nodiscard]] bool counts(const IpAddress& address, const std::string& sourcePool) const;

  const PoolTable& pools_;
  const AllocationTable& allocations_;
  const Limit limit_;
  const std::size_t most_;  ///< 0: there is no limit
  std::size_t had_ = 0;
  using Key = std::pair<Consumer::Kind, kube::ObjectKey>;
  std::map<Key, std::size_t> promised_;  ///< to how many others before
};

/// For the many who wait: each namespace and Pool is counted once.
class RoomUnderLimits {
 public:
  RoomUnderLimits(const PoolTable& pools, const AllocationTable& allocations)
      : pools_(pools), allocations_(allocations) {}

  [[nodiscard]] bool operator()(const Limit& limit, const Consumer& asking);

 private:
  const PoolTable& pools_;
  const AllocationTable& allocations_;
  std::map<Limit, NamespaceUse> uses_;
};

}  // namespace barevip::assigner
