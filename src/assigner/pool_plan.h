// SPDX-License-Identifier: Apache-2.0
// From Pools as they stand in the API to what allocation works with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/pool.h"

#include "assigner/address_set.h"
#include "assigner/admission.h"
#include "assigner/pool_space.h"

namespace barevip::assigner {

/// Reason and sentence of a condition.
struct Explanation {
  std::string reason;  ///< CamelCase
  std::string message;

  friend bool operator==(const Explanation&, const Explanation&) = default;
};

struct PoolPlan {
  std::string name;
  std::int32_t priority = 0;
  std::int64_t creationSeconds = 0;
  bool autoAssign = true;
  bool deleting = false;
  Avoid avoid;
  model::AllowSharing allowSharing = model::AllowSharing::kNamespace;
  Admission admission;
  AddressSet addresses;                ///< without the excluded; empty if an entry is malformed
  std::optional<Explanation> fault;    ///< set: it gives no address; holders keep theirs
  std::optional<Explanation> overlap;  ///< set: it overlaps another Pool or itself
};

/// In the order in which Pools are tried: lower priority first, at the same priority pinned ones
/// before open ones, then by name.
///
/// A Pool with a bad entry gives nothing. Of Pools that overlap, the oldest works on and the others
/// give nothing, so that a new Pool can neither stop nor undermine an old one.
[[nodiscard]] std::vector<PoolPlan> planPools(const std::vector<model::Pool>& pools);

}  // namespace barevip::assigner
