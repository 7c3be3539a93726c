// SPDX-License-Identifier: Apache-2.0
// The objects of a cluster as a person writes them to the API server.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace barevip::test {

/// A Service "default/NAME" that asks for an IPv4 address.
inline nlohmann::json serviceJson(const std::string& name) {
  return {{"metadata", {{"name", name}, {"namespace", "default"}}},
          {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}}};
}

}  // namespace barevip::test
