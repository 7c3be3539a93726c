// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/announced_vips.h"

#include <string>

namespace barevip::node {

AnnouncedVips::AnnouncedVips(obs::Registry& metrics) {
  metrics.gaugesFrom("barevip_ip_announced",
                     "1 for each address that this node announces, by namespace of its Services.",
                     [shown = shown_] {
                       const std::lock_guard lock(shown->mutex);
                       return shown->samples;
                     });
}

void AnnouncedVips::set(const std::set<IpAddress>& announced,
                        const std::map<IpAddress, DesiredVip>& vips) {
  std::vector<obs::Sample> samples;
  for (const IpAddress& address : announced) {
    const auto at = vips.find(address);
    if (at == vips.end()) continue;
    const ServedVip& vip = at->second.served;
    std::string before;  // Services are ascending by key
    for (const auto& service : vip.services) {
      const std::string ns = service->key.ns.str();
      if (ns == before || samples.size() == kMost) continue;
      samples.push_back({{{"namespace", ns}, {"address", vip.address.toString()}}, 1});
      before = ns;
    }
  }
  const std::lock_guard lock(shown_->mutex);
  shown_->samples.swap(samples);
}

}  // namespace barevip::node
