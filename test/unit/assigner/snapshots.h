// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "assigner/restore/restore.h"

namespace barevip::assigner::test {

/// What a new leader lists; nobody knows the namespaces.
inline Snapshot snapshotOf(const std::vector<model::IpClaim>& claims,
                           const std::vector<model::Service>& services) {
  Snapshot snapshot;
  snapshot.claims.reserve(claims.size());
  snapshot.services.reserve(services.size());
  for (const auto& claim : claims) {
    snapshot.claims.push_back(std::make_shared<const model::IpClaim>(claim));
  }
  for (const auto& service : services) {
    snapshot.services.push_back(std::make_shared<const model::Service>(service));
  }
  snapshot.namespaceOf = [](const std::string&) { return nullptr; };
  return snapshot;
}

}  // namespace barevip::assigner::test
