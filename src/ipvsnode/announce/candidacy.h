// SPDX-License-Identifier: Apache-2.0
// Which nodes a Pool lets announce its VIPs, and why not the others. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"

#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

/// A node with it announces nothing, by Kubernetes' own meaning of it (KEP-1143).
inline constexpr const char* kExcludeLabel =
    "node.kubernetes.io/exclude-from-external-load-balancers";

using PoolsByName = std::map<std::string, const model::Pool*>;

/// Refers to the Pools: they must outlive it.
[[nodiscard]] PoolsByName byName(const std::vector<std::shared_ptr<const model::Pool>>& pools);

/// How a VIP is announced that these IP objects record: as the first of their Pools that is there
/// says, else by default.
[[nodiscard]] const model::Pool::Announce& announceOf(
    const std::vector<std::shared_ptr<const model::IpObject>>& ipObjects, const PoolsByName& pools);

// Why a node must not announce, as a sentence without a subject; nullopt: it may.

/// Any VIP.
[[nodiscard]] std::optional<std::string_view> refusalOf(const model::Node& node);

/// A VIP of that family, by the rules of its Pool.
[[nodiscard]] std::optional<std::string_view> refusalOf(const model::Pool::Announce& announce,
                                                        const model::Node& node,
                                                        const LiveNode& live, Family family);

}  // namespace barevip::node
