// SPDX-License-Identifier: Apache-2.0
// Who has something from a Pool: pure functions of Pools and holders.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "assigner/allocation/hold_table.h"
#include "assigner/allocation/pool_table.h"

namespace barevip::assigner {

struct PoolHolder {
  IpAddress address;
  Holder holder;
  std::vector<kube::ObjectKey> users;  ///< of a reservation: the Services that use it

  friend bool operator==(const PoolHolder&, const PoolHolder&) = default;
};

/// Those who have these addresses, each of which is held, by address.
[[nodiscard]] std::vector<PoolHolder> holdersOf(const HoldTable& holds,
                                                const std::set<IpAddress>& addresses);

/// Those for whom a change of these Pools may matter, foreign ones included: their address came
/// from one of them or is within its ranges; by address. O(holds).
[[nodiscard]] std::vector<PoolHolder> concernedBy(const PoolTable& pools, const HoldTable& holds,
                                                  const std::set<std::string>& changed);

}  // namespace barevip::assigner
