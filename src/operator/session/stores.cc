// SPDX-License-Identifier: Apache-2.0
#include "operator/session/stores.h"

namespace barevip::controlplane {

Stores::Stores() {
  ipObjects.addHandler(
      [this](const auto& before, const auto& after) { ipObjectIndex.update(before, after); });
  services.addHandler([this](const auto& before, const auto& after) {
    if (!after) serviceTexts->release(before->key);
  });
}

bool Stores::synced() const {
  return services.synced() && pools.synced() && ipObjects.synced() && namespaces.synced() &&
         nodes.synced();
}

}  // namespace barevip::controlplane
