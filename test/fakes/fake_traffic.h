// SPDX-License-Identifier: Apache-2.0
// Counters in memory.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "barevip/ipvs/traffic.h"

namespace barevip::fakes {

/// One thread. A test changes the members as traffic and other programs would.
class FakeTraffic final : public ipvs::Traffic {
 public:
  struct Entry {
    ipvs::TrafficCounters counters;
    std::vector<ipvs::RealServerTraffic> realServers;  ///< ascending
  };

  Result<std::vector<ipvs::VirtualServerTraffic>> virtualServers() override {
    if (error) return tl::make_unexpected(*error);
    std::vector<ipvs::VirtualServerTraffic> result;
    result.reserve(servers.size());
    for (const auto& [key, entry] : servers) result.push_back({key, entry.counters});
    return result;
  }

  Result<std::vector<ipvs::RealServerTraffic>> realServers(
      const ipvs::VirtualServerKey& key) override {
    if (error) return tl::make_unexpected(*error);
    asked.push_back(key);
    const auto found = servers.find(key);
    return found == servers.end() ? std::vector<ipvs::RealServerTraffic>{}
                                  : found->second.realServers;
  }

  std::map<ipvs::VirtualServerKey, Entry> servers;
  std::optional<Error> error;
  std::vector<ipvs::VirtualServerKey> asked;  ///< whose real servers were read, in order
};

}  // namespace barevip::fakes
