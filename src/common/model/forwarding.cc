// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/forwarding.h"

#include "barevip/model/service.h"

namespace barevip::model {

const std::map<std::string, ForwardMode>& forwardModes() {
  static const std::map<std::string, ForwardMode> kModes{{"masquerade", ForwardMode::kMasquerade},
                                                         {"cluster-ip", ForwardMode::kClusterIp},
                                                         {"kube-proxy", ForwardMode::kKubeProxy}};
  return kModes;
}

std::string_view toString(ForwardMode mode) {
  for (const auto& [name, each] : forwardModes()) {
    if (each == mode) return name;
  }
  return "unknown";
}

std::optional<std::string> refusalToForward(const Service& service) {
  const std::string annotation(kForwardAnnotation);
  if (service.forward == ForwardMode::kUnknown) {
    const auto wish = service.annotations.find(annotation);
    const std::string value =
        wish == service.annotations.end() ? "its value" : "\"" + wish->second.substr(0, 32) + "\"";
    return "annotation " + annotation + ": " + value +
           " is not a way to forward; write masquerade, cluster-ip or kube-proxy";
  }
  const bool local = service.externalTrafficPolicy == TrafficPolicy::kLocal;
  if (service.forward == ForwardMode::kClusterIp && local) {
    return "forwarding by cluster-ip loses the client's address, which externalTrafficPolicy Local "
           "keeps; set the annotation " +
           annotation + " to masquerade or kube-proxy, or externalTrafficPolicy to Cluster";
  }
  return std::nullopt;
}

}  // namespace barevip::model
