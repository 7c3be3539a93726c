// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/text.h"

#include "common/obs/metrics.h"
#include "ipvsnode/desired/desired_vip.h"

namespace barevip::node {

/// The metric barevip_ip_announced: 1 for each address that this node announces, once for each
/// namespace whose Services show it. Thread-safe.
class AnnouncedVips {
 public:
  /// Series; beyond that the first by address and namespace have one.
  static constexpr std::size_t kMost = 1000;

  explicit AnnouncedVips(obs::Registry& metrics);

  /// vips: those that are announced among them. It makes no texts; who reads the metrics does.
  void set(const std::set<IpAddress>& announced, const std::map<IpAddress, DesiredVip>& vips);

 private:
  struct Shown {
    using Vip = std::pair<Text, IpAddress>;  ///< namespace, address

    std::mutex mutex;
    std::vector<Vip> vips;
  };

  /// Shared with the registry, which may be read after the end of this.
  std::shared_ptr<Shown> shown_ = std::make_shared<Shown>();
};

}  // namespace barevip::node
