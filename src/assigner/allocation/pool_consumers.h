// SPDX-License-Identifier: Apache-2.0
// Who has something from a Pool: pure functions of Pools and consumers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/pool_table.h"

namespace barevip::assigner {

struct PoolConsumer {
  IpAddress address;
  Consumer consumer;
  std::vector<kube::ObjectKey> users;  ///< of a reservation: the Services that use it

  friend bool operator==(const PoolConsumer&, const PoolConsumer&) = default;
};

/// Those who have these addresses, each of which is held, by address.
[[nodiscard]] std::vector<PoolConsumer> consumersIn(const AllocationTable& allocations,
                                                    const std::set<IpAddress>& addresses);

/// Those for whom a change of these Pools may matter, foreign ones included: their address came
/// from one of them or is within its ranges; by address. O(holds).
[[nodiscard]] std::vector<PoolConsumer> consumersAffectedBy(const PoolTable& pools,
                                                            const AllocationTable& allocations,
                                                            const std::set<std::string>& changed);

}  // namespace barevip::assigner
