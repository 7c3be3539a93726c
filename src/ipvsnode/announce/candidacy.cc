// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/candidacy.h"

#include <algorithm>
#include <iterator>

#include "barevip/net/bind_interfaces.h"

namespace barevip::node {

Segments::Segments(const std::vector<const LiveNode*>& nodes) {
  const bool known = std::none_of(nodes.begin(), nodes.end(),
                                  [](const LiveNode* node) { return node->interfaces.empty(); });
  if (!known) return;
  for (const LiveNode* const node : nodes) {
    for (const net::BindInterface& one : node->interfaces) {
      byInterface_[one.name].insert(one.subnets.begin(), one.subnets.end());
      all_.insert(one.subnets.begin(), one.subnets.end());
    }
  }
}

std::vector<IpPrefix> Segments::around(const IpAddress& vip) const {
  std::vector<IpPrefix> result;
  std::copy_if(all_.begin(), all_.end(), std::back_inserter(result),
               [&](const IpPrefix& one) { return one.range().contains(vip); });
  return result;
}

bool Segments::reach(const IpAddress& vip, const std::vector<std::string>& names) const {
  return std::any_of(byInterface_.begin(), byInterface_.end(), [&](const auto& entry) {
    const auto& [name, subnets] = entry;
    const bool named = names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    return named && std::any_of(subnets.begin(), subnets.end(),
                                [&](const IpPrefix& one) { return one.range().contains(vip); });
  });
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
                                          const IpAddress& vip, const Segments& segments) {
  if (!vip.isIpv4() && !live.ipv6) return "serves no IPv6";
  if (announce.mode != model::AnnounceMode::kL2) {
    return "does not announce for this Pool: its announce.mode is not l2";
  }
  if (announce.nodeSelector && !announce.nodeSelector->matches(node.labels)) {
    return "is not selected by announce.nodeSelector of the Pool";
  }
  const auto& names = announce.interfaces;
  // Of an older version, a name alone.
  const net::BindInterfaces former{{live.bindInterface}};
  const auto* const interface =
      net::interfaceFor(vip, live.interfaces.empty() ? former : live.interfaces, names);
  if (interface == nullptr) {
    return "has no bind interface that announce.interfaces of the Pool names";
  }
  if (segments.reach(vip, names) && !net::isInSubnetOf(*interface, vip)) {
    return "has no bind interface in the network of the address";
  }
  if (!interface->running) return "has no carrier on the bind interface for the address";
  return std::nullopt;
}

}  // namespace barevip::node
