// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/service.h"

namespace barevip::model {

std::string_view toString(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "TCP";
    case Protocol::kUdp:
      return "UDP";
    case Protocol::kSctp:
      return "SCTP";
  }
  return "TCP";
}

bool isOurs(const Service& service, bool requireClass) {
  if (!service.isLoadBalancer()) return false;
  if (service.loadBalancerClass.empty()) return !requireClass;
  return service.loadBalancerClass == kLoadBalancerClass;
}

}  // namespace barevip::model
