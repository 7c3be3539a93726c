// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/cluster/announce_rules.h"

namespace barevip::node {

PoolsByName byName(const std::vector<std::shared_ptr<const model::Pool>>& pools) {
  PoolsByName found;
  for (const auto& pool : pools) found.emplace(pool->key.name, pool.get());
  return found;
}

// A Pool that was deleted while in use leaves its addresses with their consumers, announced as by
// default.
const model::Pool::Announce& announceOf(
    const std::vector<std::shared_ptr<const model::IpObject>>& ipObjects,
    const PoolsByName& pools) {
  static const model::Pool::Announce kAnywhere;
  for (const auto& ipObject : ipObjects) {
    const auto pool = pools.find(ipObject->status.pool);
    if (pool != pools.end()) return pool->second->announce;
  }
  return kAnywhere;
}

}  // namespace barevip::node
