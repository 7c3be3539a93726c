// SPDX-License-Identifier: Apache-2.0
// How kube-proxy works on this node, and whether placement kHost is safe beside it.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "barevip/base/result.h"

#include "common/base/command.h"

namespace barevip::host {

enum class KubeProxyMode : std::uint8_t {
  kIptables,
  kIpvs,
  kNftables,
  kNone,     ///< nothing answers and no trace of it is there
  kUnknown,  ///< something answers that we do not know
};

[[nodiscard]] std::string_view toString(KubeProxyMode mode);

/// Body of kube-proxy's GET /proxyMode.
[[nodiscard]] KubeProxyMode parseProxyMode(std::string_view body);

/// GET http://127.0.0.1:port/proxyMode, the metrics address of kube-proxy's defaults (10249).
/// kUnavailable if nobody listens, kTimeout, kStopped, kInvalid for an answer other than HTTP 200.
[[nodiscard]] Result<KubeProxyMode> askKubeProxy(std::uint16_t port,
                                                 std::chrono::milliseconds deadline,
                                                 const std::stop_token& stop = {});

/// Asks kube-proxy; without an answer looks at what it leaves behind in the calling thread's
/// namespace: device kube-ipvs0, nftables table kube-proxy, chain KUBE-PROXY-CANARY. That of the
/// kernel's own ip_tables does not show: then kNone stands for iptables mode, too.
[[nodiscard]] KubeProxyMode detectKubeProxyMode(CommandRunner& runner,
                                                const std::stop_token& stop = {},
                                                std::uint16_t port = 10249);

/// Whether IPVS in the node's own namespace survives beside that kube-proxy: its ipvs mode deletes
/// foreign virtual servers, its nftables mode flushes all of IPVS at each of its starts
/// (cmd/kube-proxy/app/server_linux.go, platformCleanup). The error is the sentence for people.
[[nodiscard]] Result<void> hostPlacementAllowed(KubeProxyMode mode);

}  // namespace barevip::host
