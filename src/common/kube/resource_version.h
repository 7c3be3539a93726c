// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace barevip::kube {

/// resourceVersions are decimal numbers without leading zeros (KEP-5504); the empty one is older
/// than each.
[[nodiscard]] inline bool olderVersion(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace barevip::kube
