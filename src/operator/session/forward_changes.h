// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "operator/session/leader_session.h"
#include "operator/session/stores.h"

namespace barevip::controlplane {

/// From now on the session that there is at the time learns each change of the stores, and
/// stores.clusterUse follows them whether or not there is one. `current()` returns a pointer to the
/// session, null if there is none; it is called on the threads that write to the stores. Call this
/// before the first write.
template <class Current>
void forwardChanges(Stores& stores, const Current& current) {
  stores.services.addHandler([current](const auto& before, const auto& after) {
    if (const auto session = current()) session->onService(before, after);
  });
  const auto use = [&stores, current](const auto& before, const auto& after) {
    if (!stores.clusterUse.update(before, after)) return;
    if (const auto session = current()) session->onClusterUse();
  };
  stores.nodes.addHandler(use);
  stores.services.addHandler(use);
  stores.serviceCidrs.addHandler(use);
  stores.pools.addHandler([current](const auto& before, const auto& after) {
    if (const auto session = current()) session->onPool(before, after);
  });
  stores.ipObjects.addHandler([current](const auto& before, const auto& after) {
    if (const auto session = current()) session->onIpObject(before, after);
  });
  stores.namespaces.addHandler([current](const auto& before, const auto& after) {
    if (const auto session = current()) session->onNamespace(before, after);
  });
}

}  // namespace barevip::controlplane
