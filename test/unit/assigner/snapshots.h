// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "assigner/restore/restore.h"

namespace barevip::assigner::test {

/// What a new leader lists; nobody knows the namespaces.
inline Snapshot snapshotOf(const std::vector<model::IpObject>& ipObjects,
                           const std::vector<model::Service>& services) {
  Snapshot snapshot;
  snapshot.ipObjects.reserve(ipObjects.size());
  snapshot.services.reserve(services.size());
  for (const auto& ipObject : ipObjects) {
    snapshot.ipObjects.push_back(std::make_shared<const model::IpObject>(ipObject));
  }
  for (const auto& service : services) {
    snapshot.services.push_back(std::make_shared<const model::Service>(service));
  }
  snapshot.namespaceOf = [](const std::string&) { return nullptr; };
  return snapshot;
}

}  // namespace barevip::assigner::test
