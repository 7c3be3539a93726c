// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/service.h"

#include <algorithm>

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

bool ClassRules::serve(const Service& service) const {
  if (!service.isLoadBalancer()) return false;
  if (service.loadBalancerClass.empty()) return !required;
  return std::find(names.begin(), names.end(), service.loadBalancerClass) != names.end();
}

std::string recordedClass(const Service& service) {
  return service.loadBalancerClass == kLoadBalancerClass ? "" : service.loadBalancerClass;
}

}  // namespace barevip::model
