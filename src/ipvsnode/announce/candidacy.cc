// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/candidacy.h"

#include <algorithm>

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

std::optional<std::string_view> refusalOf(const model::Node& node) {
  if (node.networkUnavailable) return "reports NetworkUnavailable";
  if (node.labels.contains(kExcludeLabel)) {
    return "has the label node.kubernetes.io/exclude-from-external-load-balancers";
  }
  return std::nullopt;
}

std::optional<std::string_view> refusalOf(const model::Pool::Announce& announce,
                                          const model::Node& node, const LiveNode& live,
                                          Family family) {
  if (family == Family::kIpv6 && !live.ipv6) return "serves no IPv6";
  if (announce.mode != model::AnnounceMode::kL2) {
    return "does not announce for this Pool: its announce.mode is not l2";
  }
  if (announce.nodeSelector && !announce.nodeSelector->matches(node.labels)) {
    return "is not selected by announce.nodeSelector of the Pool";
  }
  const auto& names = announce.interfaces;
  if (!names.empty() && std::find(names.begin(), names.end(), live.bindInterface) == names.end()) {
    return "has a bind interface that announce.interfaces of the Pool does not name";
  }
  return std::nullopt;
}

}  // namespace barevip::node
