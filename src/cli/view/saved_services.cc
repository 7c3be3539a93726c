// SPDX-License-Identifier: Apache-2.0
#include "cli/view/saved_services.h"

#include <algorithm>

#include "barevip/base/ip.h"

namespace barevip::cli {

std::vector<std::string> addressesOf(const std::vector<model::LoadBalancerIngress>& ingress) {
  std::vector<std::string> addresses;
  for (const model::LoadBalancerIngress& each : ingress) {
    const auto parsed = IpAddress::parse(each.ip);
    addresses.push_back(parsed            ? parsed->toString()
                        : each.ip.empty() ? each.hostname.str()
                                          : each.ip.str());
  }
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

}  // namespace barevip::cli
