// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::kube {

/// Since Kubernetes 1.33; a server before it answers 404.
inline constexpr Resource kServiceCidrs{"networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR",
                                        false};

}  // namespace barevip::kube

namespace barevip::model {

/// networking.k8s.io/v1 ServiceCIDR (KEP-1880): ranges from which Services get their clusterIPs.
struct ServiceCidr {
  kube::ObjectKey key;
  std::vector<IpRange> ranges;
  std::vector<std::string> malformed;  ///< entries of spec.cidrs that cannot be read

  friend bool operator==(const ServiceCidr&, const ServiceCidr&) = default;
};

}  // namespace barevip::model
