// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/ipvs_traffic.h"

#include <linux/netlink.h>

#include "ipvsnode/netlink/ipvs_codec.h"
#include "ipvsnode/netlink/ipvs_family.h"

namespace barevip::netlink {
namespace {

template <class Map>
std::vector<typename Map::mapped_type> valuesOf(Map& entries) {
  std::vector<typename Map::mapped_type> values;
  values.reserve(entries.size());
  for (auto& [key, entry] : entries) values.push_back(std::move(entry));
  return values;
}

}  // namespace

Result<IpvsTraffic> IpvsTraffic::open() {
  auto socket = Socket::open({.protocol = NETLINK_GENERIC});
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  const auto family = resolveIpvsFamily(*socket);
  if (!family) return tl::make_unexpected(family.error());
  return IpvsTraffic(std::move(*socket), *family);
}

Result<std::vector<ipvs::VirtualServerTraffic>> IpvsTraffic::virtualServers() {
  auto found = dumpByKey<ipvs::VirtualServerTraffic>(socket_, encodeVirtualServerDump(family_),
                                                     "cannot read the counters of IPVS",
                                                     decodeVirtualServerTraffic);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  return valuesOf(*found);
}

Result<std::vector<ipvs::RealServerTraffic>> IpvsTraffic::realServers(
    const ipvs::VirtualServerKey& key) {
  auto found = dumpByKey<ipvs::RealServerTraffic>(
      socket_, encodeRealServerDump(family_, key),
      "cannot read the counters of the real servers of " + toString(key),
      [&](const Received& message) { return decodeRealServerTraffic(message, key.vip.family()); });
  if (!found) return tl::make_unexpected(std::move(found.error()));
  return valuesOf(*found);
}

}  // namespace barevip::netlink
