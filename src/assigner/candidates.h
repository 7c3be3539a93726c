// SPDX-License-Identifier: Apache-2.0
// Which Pools may give an applicant an address, and which address a Pool gives next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "barevip/base/ip.h"

#include "assigner/admission.h"
#include "assigner/hold_table.h"
#include "assigner/pool_table.h"
#include "assigner/refusal.h"

namespace barevip::assigner {

using Candidates = std::vector<const PoolState*>;
template <class T>
using Chosen = tl::expected<T, Refusal>;

/// nullopt: the Pool admits it.
[[nodiscard]] std::optional<Refusal> admissionRefusal(const PoolState& pool,
                                                      const Applicant& applicant);

/// Why the Pool that the address counts for does not let the Service join those who have it; see
/// sharing.h.
[[nodiscard]] std::optional<std::string> refusalToJoin(const PoolTable& pools,
                                                       const IpAddress& address, const Hold& hold,
                                                       const kube::ObjectKey& service);

/// The Pools that may give an address without being asked for it by number, in order; at least one.
/// poolName: the only one that is asked; empty: all with autoAssign.
[[nodiscard]] Chosen<Candidates> candidatesFor(const PoolTable& pools, const Applicant& applicant,
                                               const std::string& poolName);

struct FreeAddress {
  IpAddress address;
  const PoolState* pool = nullptr;
};

/// The lowest free address of the first that has one.
[[nodiscard]] Chosen<FreeAddress> lowestOf(const Candidates& candidates, Family family);

/// The Pool that may give this address on request.
[[nodiscard]] Chosen<const PoolState*> poolOf(const PoolTable& pools, const Applicant& applicant,
                                              const IpAddress& address,
                                              const std::string& poolName);

}  // namespace barevip::assigner
