// SPDX-License-Identifier: Apache-2.0
// The few netfilter rules and the sets that vary, of one placement.
#pragma once

#include <cstddef>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/ipvs/kernel.h"

namespace barevip::net {

/// loadBalancerSourceRanges of one virtual server: everybody else is dropped.
struct SourceRanges {
  ipvs::VirtualServerKey virtualServer;
  std::vector<IpPrefix> allowed;  ///< ascending; empty admits nobody

  friend bool operator==(const SourceRanges&, const SourceRanges&) = default;
};

/// What varies; all vectors ascending and without duplicates.
struct FilterState {
  std::vector<IpAddress> vips;
  std::vector<ipvs::VirtualServerKey> virtualServers;
  /// Traffic from outside to these keeps the client's address (externalTrafficPolicy Local).
  std::vector<ipvs::VirtualServerKey> keepClient;
  std::vector<SourceRanges> sourceRanges;

  friend bool operator==(const FilterState&, const FilterState&) = default;
};

/// Not thread-safe: one owner thread.
class PacketFilter {
 public:
  virtual ~PacketFilter() = default;

  /// Looks at rules and sets and writes what differs; what is not ours is never touched. Returns
  /// how many writes were needed: 0 when all was right. Chains and sets are complete before a jump
  /// leads to them.
  virtual Result<std::size_t> reconcile(const FilterState& desired) = 0;

  /// The same without looking: brings what the last call that succeeded left to the desired state.
  /// Cheap, for changes between two resyncs; external changes since are not repaired. Like
  /// reconcile after an error and at first.
  virtual Result<std::size_t> update(const FilterState& desired) = 0;

  /// Removes all that reconcile and update made.
  virtual Result<void> clear() = 0;
};

}  // namespace barevip::net
