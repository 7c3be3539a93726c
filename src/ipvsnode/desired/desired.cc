// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/desired.h"

#include "ipvsnode/desired/desired_vips.h"

namespace barevip::node {

std::set<net::NetObject> itemsOf(const NetObjects& items) {
  std::set<net::NetObject> result;
  for (const auto& [item, beneficiary] : items) result.insert(item);
  return result;
}

std::set<net::NetObject> wantedOnNode(const DesiredState& desired) {
  std::set<net::NetObject> result = itemsOf(desired.nodeObjects);
  for (const auto& [vip, item] : desired.announcements) result.insert(item);
  return result;
}

DesiredState computeDesired(const ClusterState& cluster, const DesiredOptions& options,
                            const LocalFacts& local) {
  DesiredVips vips(options);
  vips.follow(cluster, local);
  return vips.whole();
}

net::NetObject announcementOf(const IpAddress& vip, const DesiredOptions& options) {
  if (options.placement == Placement::kHost) return net::BoundAddress{vip, options.bindInterface};
  return net::ProxyNeighbour{vip, options.bindInterface};
}

net::NetObject announcementOf(const ServedVip& vip, const DesiredOptions& options) {
  if (vip.byKubeProxy) return net::BoundAddress{vip.address, options.bindInterface};
  return announcementOf(vip.address, options);
}

std::optional<IpAddress> announcedVip(const net::NetObject& item, const DesiredOptions& options) {
  ServedVip vip;
  if (const auto* proxy = std::get_if<net::ProxyNeighbour>(&item)) {
    vip.address = proxy->address;
  } else if (const auto* address = std::get_if<net::BoundAddress>(&item)) {
    vip.address = address->address;
    vip.byKubeProxy = true;
  } else {
    return std::nullopt;
  }
  return announcementOf(vip, options) == item ? std::optional(vip.address) : std::nullopt;
}

bool isAnnouncement(const net::NetObject& nodeItem) {
  if (std::holds_alternative<net::ProxyNeighbour>(nodeItem)) return true;
  const auto* address = std::get_if<net::BoundAddress>(&nodeItem);
  return address != nullptr && address->device != net::kDummyDevice;
}

}  // namespace barevip::node
