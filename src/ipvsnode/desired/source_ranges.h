// SPDX-License-Identifier: Apache-2.0
// loadBalancerSourceRanges as the packet filter takes them, within bounds. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/net/packet_filter.h"

#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/desired/problem.h"
#include "ipvsnode/desired/vip_ports.h"

namespace barevip::node {

/// Source ranges times ports of one Service.
inline constexpr std::size_t kMaxRangesOfService = 4096;
/// The same of all Services together, of one family. Half of what a set of the kernel holds in
/// releases before decision 32, to which a node may be rolled back: there a change adds the new
/// before it removes the old.
inline constexpr std::size_t kMaxRangesOfAll = 131072;

struct SourceGuards {
  std::vector<net::SourceRanges>
      guards;  ///< ascending; of each port of a VIP whose Service has ranges
  std::vector<Problem> problems;
};

/// "192.0.2.0/24", as Kubernetes lets it be written: blanks around it and host bits may be there,
/// an address alone is a range of one. nullopt: it is neither.
[[nodiscard]] std::optional<IpPrefix> parseSourceRange(std::string_view text);

/// Those of the virtual server; nullptr: everybody is admitted. all: ascending by virtual server.
[[nodiscard]] const net::SourceRanges* findRanges(const std::vector<net::SourceRanges>& all,
                                                  const ipvs::VirtualServerKey& key);

/// What both admit; all ascending.
[[nodiscard]] std::vector<IpPrefix> narrower(const std::vector<IpPrefix>& a,
                                             const std::vector<IpPrefix>& b);

/// Fails closed: a range that cannot be read admits nobody, and ranges of one family alone admit
/// nobody of the other. A Service beyond kMaxRangesOfService admits nobody at all; if all together
/// are beyond kMaxRangesOfAll, so do those that have the most. No Service takes another's room.
///
/// vipPorts: ascending by key.
[[nodiscard]] SourceGuards guardSources(std::span<const VipPort> vipPorts);

}  // namespace barevip::node
