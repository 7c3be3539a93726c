// SPDX-License-Identifier: Apache-2.0
// Which nodes a Pool lets announce its VIPs, and why not the others. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"

#include "ipvsnode/cluster/announce_rules.h"
#include "ipvsnode/membership/live_node.h"

namespace barevip::node {

/// A node with it announces nothing, by Kubernetes' own meaning of it (KEP-1143).
inline constexpr const char* kExcludeLabel =
    "node.kubernetes.io/exclude-from-external-load-balancers";

/// The networks in which live nodes have bind interfaces. While one of the nodes does not publish
/// its own, nobody's count: it would elect by other rules.
class Segments {
 public:
  explicit Segments(const std::vector<const LiveNode*>& nodes);

  /// Those that the address is in, ascending.
  [[nodiscard]] std::vector<IpPrefix> around(const IpAddress& vip) const;
  /// Some node has an interface in one of them, among those that a Pool names (empty: all).
  [[nodiscard]] bool reach(const IpAddress& vip, const std::vector<std::string>& names) const;

 private:
  std::map<std::string, std::set<IpPrefix>> byInterface_;
  std::set<IpPrefix> all_;
};

// Why a node must not announce, as a sentence without a subject; nullopt: it may.

/// Any VIP.
[[nodiscard]] std::optional<std::string_view> refusalOf(const model::Node& node);

/// A VIP, by the rules of its Pool and by where its network is.
[[nodiscard]] std::optional<std::string_view> refusalOf(const model::Pool::Announce& announce,
                                                        const model::Node& node,
                                                        const LiveNode& live, const IpAddress& vip,
                                                        const Segments& segments);

}  // namespace barevip::node
