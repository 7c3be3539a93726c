// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/announced_vips.h"

namespace barevip::node {

AnnouncedVips::AnnouncedVips(obs::Registry& metrics) {
  metrics.gaugesFrom(
      "barevip_ip_announced",
      "1 for each address that this node announces, by namespace of its Services.",
      [shown = shown_] {
        const std::lock_guard lock(shown->mutex);
        std::vector<obs::Sample> samples;
        for (const auto& [ns, address] : shown->vips) {
          samples.push_back({{{"namespace", ns.str()}, {"address", address.toString()}}, 1});
        }
        return samples;
      });
}

void AnnouncedVips::set(const std::set<IpAddress>& announced,
                        const std::map<IpAddress, DesiredVip>& vips) {
  std::vector<Shown::Vip> shown;
  for (const IpAddress& address : announced) {
    const auto at = vips.find(address);
    if (at == vips.end()) continue;
    Text before;  // Services are ascending by key
    for (const auto& service : at->second.served.services) {
      const Text& ns = service->key.ns;
      if (ns == before || shown.size() == kMost) continue;
      shown.emplace_back(ns, address);
      before = ns;
    }
  }
  const std::lock_guard lock(shown_->mutex);
  shown_->vips.swap(shown);
}

}  // namespace barevip::node
