// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/forwarding.h"

#include <algorithm>

namespace barevip::node {

std::optional<IpAddress> clusterIpFor(const model::Service& service, Family family) {
  const auto& all = service.clusterIps;
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const IpAddress& address) { return address.family() == family; });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

std::optional<ForwardRefusal> refusalToForward(const model::Service& service, const IpAddress& vip,
                                               std::string_view ipMode) {
  if (auto why = model::refusalToForward(service)) {
    return ForwardRefusal{model::kForwardingRefused, *std::move(why)};
  }
  const std::string way(model::toString(service.forward));
  const bool clusterIp = service.forward == model::ForwardMode::kClusterIp;
  if (clusterIp && !clusterIpFor(service, vip.family())) {
    return ForwardRefusal{model::kForwardingRefused,
                          vip.toString() + " cannot be forwarded by " + way +
                              ": the Service has no clusterIP of " +
                              std::string(toString(vip.family())) + "; set the annotation " +
                              std::string(model::kForwardAnnotation) + " to masquerade"};
  }
  const std::string_view wanted = isByKubeProxy(service) ? model::kIpModeVip : model::kIpModeProxy;
  if (ipMode != wanted) {
    return ForwardRefusal{
        "IPModeMismatch",
        vip.toString() + " has ipMode " + std::string(ipMode) +
            " in the status of the Service, but forwarding by " + way + " needs " +
            std::string(wanted) +
            "; barevip-operator writes it. If it stays so, give operator and nodes the same "
            "--forward"};
  }
  return std::nullopt;
}

std::optional<ForwardRefusal> refusalToForwardHere(const model::Service& service,
                                                   net::Placement placement) {
  const bool clusterIp = service.forward == model::ForwardMode::kClusterIp;
  if (!clusterIp || placement == net::Placement::kDirector) return std::nullopt;
  // What IPVS sends there has passed the hook where kube-proxy would translate it.
  return ForwardRefusal{
      model::kForwardingRefused,
      "with --placement=host no packet gets from IPVS to a clusterIP; set the annotation " +
          std::string(model::kForwardAnnotation) + " to masquerade or kube-proxy"};
}

}  // namespace barevip::node
