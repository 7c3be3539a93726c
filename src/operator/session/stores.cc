// SPDX-License-Identifier: Apache-2.0
#include "operator/session/stores.h"

#include <string>
#include <vector>

#include "barevip/base/log.h"

namespace barevip::controlplane {
namespace {

// An API server refuses such texts, so that this is rare.
void reportMalformed(const std::string& name, const std::vector<std::string>& texts) {
  constexpr std::size_t kLongest = 64;
  for (const std::string& text : texts) {
    log::warn("an entry of a ServiceCIDR is not a prefix and is ignored",
              {{"serviceCIDR", name}, {"entry", text.substr(0, kLongest)}});
  }
}

}  // namespace

Stores::Stores() {
  ipObjects.addHandler(
      [this](const auto& before, const auto& after) { ipObjectIndex.update(before, after); });
  services.addHandler([this](const auto& before, const auto& after) {
    if (!after) serviceTexts->release(before->key);
  });
  serviceCidrs.addHandler([](const auto& before, const auto& after) {
    const bool same = before && after && before->malformed == after->malformed;
    if (after && !same) reportMalformed(after->key.name, after->malformed);
  });
}

bool Stores::synced() const {
  return services.synced() && pools.synced() && ipObjects.synced() && namespaces.synced() &&
         nodes.synced() && serviceCidrs.synced();
}

}  // namespace barevip::controlplane
