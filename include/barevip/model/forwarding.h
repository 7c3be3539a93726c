// SPDX-License-Identifier: Apache-2.0
// How requests to the addresses of a Service reach its pods, as the Service asks for it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace barevip::model {

struct Service;

enum class ForwardMode : std::uint8_t {
  kMasquerade,  ///< by IPVS to ready pods
  kClusterIp,   ///< by IPVS to the ClusterIP, and from there by kube-proxy
  kKubeProxy,   ///< by kube-proxy alone: addresses and announcements only
  kUnknown,     ///< the annotation names another: by nobody
};

/// Those that exist, by their names.
[[nodiscard]] const std::map<std::string, ForwardMode>& forwardModes();
[[nodiscard]] std::string_view toString(ForwardMode mode);

/// Who forwards, as kube-proxy reads it in status.loadBalancer.ingress[].ipMode (KEP-1860).
inline constexpr const char* kIpModeProxy = "Proxy";  ///< kube-proxy leaves the address alone
inline constexpr const char* kIpModeVip = "VIP";      ///< kube-proxy forwards

/// Reason of conditions and events: the Service is forwarded by nobody.
inline constexpr const char* kForwardingRefused = "ForwardingRefused";

/// Why no node can forward as the Service asks for, as one sentence with the remedy behind it;
/// nullopt: some can.
[[nodiscard]] std::optional<std::string> refusalToForward(const Service& service);

}  // namespace barevip::model
