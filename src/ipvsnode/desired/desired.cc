// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/desired.h"

#include <algorithm>

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

const std::string& deviceOf(const ServedVip& vip, const DesiredOptions& options) {
  return vip.device.empty() ? options.bindInterfaces.front() : vip.device;
}

net::NetObject announcementOf(const IpAddress& vip, const DesiredOptions& options) {
  ServedVip served;
  served.address = vip;
  return announcementOf(served, options);
}

net::NetObject announcementOf(const ServedVip& vip, const DesiredOptions& options) {
  const std::string& device = deviceOf(vip, options);
  if (vip.byKubeProxy || options.placement == Placement::kHost) {
    return net::BoundAddress{vip.address, device};
  }
  return net::ProxyNeighbour{vip.address, device};
}

std::optional<IpAddress> announcedVip(const net::NetObject& item, const DesiredOptions& options) {
  const auto faces = [&](const std::string& device) {
    const auto& all = options.bindInterfaces;
    return std::find(all.begin(), all.end(), device) != all.end();
  };
  if (const auto* address = std::get_if<net::BoundAddress>(&item)) {
    return faces(address->device) ? std::optional(address->address) : std::nullopt;
  }
  const auto* proxy = std::get_if<net::ProxyNeighbour>(&item);
  const bool announces = proxy != nullptr && options.placement != Placement::kHost;
  return announces && faces(proxy->device) ? std::optional(proxy->address) : std::nullopt;
}

bool isAnnouncedBy(const std::set<net::NetObject>& nodeItems, const IpAddress& vip,
                   const DesiredOptions& options) {
  return std::any_of(options.bindInterfaces.begin(), options.bindInterfaces.end(),
                     [&](const std::string& device) {
                       return nodeItems.contains(net::BoundAddress{vip, device}) ||
                              (options.placement != Placement::kHost &&
                               nodeItems.contains(net::ProxyNeighbour{vip, device}));
                     });
}

bool isAnnouncement(const net::NetObject& nodeItem) {
  if (std::holds_alternative<net::ProxyNeighbour>(nodeItem)) return true;
  const auto* address = std::get_if<net::BoundAddress>(&nodeItem);
  return address != nullptr && address->device != net::kDummyDevice;
}

}  // namespace barevip::node
