// SPDX-License-Identifier: Apache-2.0
// Which Pools may give a requester an address, and which address a Pool gives next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "barevip/base/ip.h"

#include "assigner/allocation/admission.h"
#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/pool_table.h"
#include "assigner/allocation/refusal.h"

namespace barevip::assigner {

using Candidates = std::vector<const PoolState*>;
template <class T>
using Chosen = tl::expected<T, Refusal>;

/// nullopt: the Pool admits it.
[[nodiscard]] std::optional<Refusal> admissionRefusal(const PoolState& pool,
                                                      const Requester& requester);

/// Why the Pool that the address counts for does not let the Service join those who have it; see
/// sharing.h.
[[nodiscard]] std::optional<std::string> refusalToJoin(const PoolTable& pools,
                                                       const IpAddress& address,
                                                       const Allocation& allocation,
                                                       const kube::ObjectKey& service);

/// The Pools that may give an address without being asked for it by number, in order; at least one.
/// poolName: the only one that is asked; empty: all with autoAssign.
[[nodiscard]] Chosen<Candidates> candidatesFor(const PoolTable& pools, const Requester& requester,
                                               const std::string& poolName);

struct FreeAddress {
  IpAddress address;
  const PoolState* pool = nullptr;
};

/// The lowest address that the Pool has for who asks: one that is free, or rests for him.
[[nodiscard]] std::optional<IpAddress> lowestIn(const AllocationTable& allocations,
                                                const PoolState& pool, const Consumer& asking,
                                                Family family);

/// Whether Services of other namespaces than `ns` may be on the address beside its own: the Pool
/// lets them, or some are there from when it did.
[[nodiscard]] bool isSharedBeyond(const PoolTable& pools, const AllocationTable& allocations,
                                  const IpAddress& address, const std::string& pool,
                                  const std::string& ns);

/// Why the Pool lets the namespace of who asks have no more addresses of the family; nullopt: there
/// is room; see NamespaceUse.
[[nodiscard]] std::optional<Refusal> limitRefusal(const PoolTable& pools,
                                                  const AllocationTable& allocations,
                                                  const PoolState& pool, const Consumer& asking,
                                                  Family family);

/// The lowest address that the first of the Pools has that has one, and that lets the namespace of
/// who asks have one more of the family.
[[nodiscard]] Chosen<FreeAddress> freeAddressFor(const PoolTable& pools,
                                                 const AllocationTable& allocations,
                                                 const Candidates& candidates,
                                                 const Consumer& asking, Family family);

/// The Pool that may give this address on request.
[[nodiscard]] Chosen<const PoolState*> poolOf(const PoolTable& pools, const Requester& requester,
                                              const IpAddress& address,
                                              const std::string& poolName);

}  // namespace barevip::assigner
