// SPDX-License-Identifier: Apache-2.0
// From Pools as they stand in the API to what allocation works with.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/pool.h"

#include "assigner/allocation/address_set.h"
#include "assigner/allocation/admission.h"
#include "assigner/allocation/cluster_use.h"
#include "assigner/allocation/pool_space.h"

namespace barevip::assigner {

/// Reason and sentence of a condition.
struct ConditionReason {
  std::string reason;  ///< CamelCase
  std::string message;

  friend bool operator==(const ConditionReason&, const ConditionReason&) = default;
};

struct PoolPlan {
  std::string name;
  std::int32_t priority = 0;
  std::int64_t creationSeconds = 0;
  bool autoAssign = true;
  bool deleting = false;
  Avoid avoid;
  model::AllowSharing allowSharing = model::AllowSharing::kNamespace;
  std::chrono::seconds reuseDelay{0};
  std::uint32_t maxPerNamespace = 0;  ///< addresses of each family; 0: no limit
  Admission admission;
  AddressSet addresses;                    ///< without the excluded; empty if an entry is malformed
  AddressSet firstLast;                    ///< left out by allowFirstLast
  std::vector<ClusterUser> used;           ///< left out: the cluster itself uses them
  std::optional<ConditionReason> fault;    ///< set: it gives no address; consumers keep theirs
  std::optional<ConditionReason> overlap;  ///< set: it overlaps another Pool or itself
};

/// In the order in which Pools are tried: lower priority first, at the same priority pinned ones
/// before open ones, then by name.
///
/// A Pool with a bad entry allocates nothing. Of Pools that overlap, the oldest works on and the
/// others allocate nothing, so that a new Pool can neither stop nor undermine an old one.
[[nodiscard]] std::vector<PoolPlan> planPools(const std::vector<model::Pool>& pools);

/// All that the Pools have.
[[nodiscard]] AddressSet addressesOf(const std::vector<PoolPlan>& plans);
/// Takes out what the cluster itself uses.
void leaveOut(const std::vector<ClusterUser>& used, std::vector<PoolPlan>& plans);

/// Who of the cluster uses an address that the Pool leaves out for that; nullptr: nobody.
[[nodiscard]] const ClusterUser* userOf(const PoolPlan& plan, const IpAddress& address);

}  // namespace barevip::assigner
