// SPDX-License-Identifier: Apache-2.0
// Whether and by whom what comes to a VIP is forwarded, as its Service asks for. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "barevip/base/ip.h"
#include "barevip/model/service.h"
#include "barevip/net/data_path.h"

namespace barevip::node {

/// The device on which kube-proxy in ipvs mode holds, on every node, the addresses that it forwards
/// (pkg/proxy/ipvs).
inline constexpr const char* kKubeProxyDevice = "kube-ipvs0";

/// kube-proxy forwards: this node programs nothing for the VIPs of the Service, and announces them.
[[nodiscard]] inline bool isByKubeProxy(const model::Service& service) {
  return service.forward == model::ForwardMode::kKubeProxy;
}

/// Where cluster-ip leads a VIP of the family; nullopt: the Service has none.
[[nodiscard]] std::optional<IpAddress> clusterIpFor(const model::Service& service, Family family);

/// How LocalFacts::held names a device.
[[nodiscard]] inline std::string heldBy(const std::string& device) { return "device " + device; }

struct ForwardRefusal {
  std::string reason;   ///< of a Problem
  std::string message;  ///< likewise

  friend bool operator==(const ForwardRefusal&, const ForwardRefusal&) = default;
};

/// Why no node forwards what comes to the VIP. ipMode: of its entry in the status, by which
/// kube-proxy knows whether it forwards. Never is another way taken than the Service asks for.
[[nodiscard]] std::optional<ForwardRefusal> refusalToForward(const model::Service& service,
                                                             const IpAddress& vip,
                                                             std::string_view ipMode);

/// Why a node of this placement does not, although others may.
[[nodiscard]] std::optional<ForwardRefusal> refusalToForwardHere(const model::Service& service,
                                                                 net::Placement placement);

}  // namespace barevip::node
