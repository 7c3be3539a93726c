// SPDX-License-Identifier: Apache-2.0
// How Pools want their addresses to be announced.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "barevip/model/ip_object.h"
#include "barevip/model/pool.h"

namespace barevip::node {

using PoolsByName = std::map<std::string, const model::Pool*>;

/// Refers to the Pools: they must outlive it.
[[nodiscard]] PoolsByName byName(const std::vector<std::shared_ptr<const model::Pool>>& pools);

/// How a VIP is announced that these IP objects record: as the first of their Pools that is there
/// says, else by default.
[[nodiscard]] const model::Pool::Announce& announceOf(
    const std::vector<std::shared_ptr<const model::IpObject>>& ipObjects, const PoolsByName& pools);

}  // namespace barevip::node
