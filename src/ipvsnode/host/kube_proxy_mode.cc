// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/kube_proxy_mode.h"

#include <net/if.h>
#include <netinet/in.h>

#include <utility>

#include "barevip/base/ip.h"

#include "common/base/http_get.h"

namespace barevip::host {

namespace {

bool shows(CommandRunner& runner, const Command& command, const std::stop_token& stop) {
  const auto output = runner.run(command, stop);
  return output && output->status == 0 && !output->output.empty();
}

}  // namespace

std::string_view toString(KubeProxyMode mode) {
  switch (mode) {
    case KubeProxyMode::kIptables:
      return "iptables";
    case KubeProxyMode::kIpvs:
      return "ipvs";
    case KubeProxyMode::kNftables:
      return "nftables";
    case KubeProxyMode::kNone:
      return "none";
    case KubeProxyMode::kUnknown:
      return "unknown";
  }
  return "unknown";
}

KubeProxyMode parseProxyMode(std::string_view body) {
  const std::size_t end = body.find_last_not_of(" \r\n\t");
  body = end == std::string_view::npos ? std::string_view() : body.substr(0, end + 1);
  for (const KubeProxyMode mode :
       {KubeProxyMode::kIptables, KubeProxyMode::kIpvs, KubeProxyMode::kNftables}) {
    if (body == toString(mode)) return mode;
  }
  return KubeProxyMode::kUnknown;
}

Result<KubeProxyMode> askKubeProxy(std::uint16_t port, std::chrono::milliseconds deadline,
                                   const std::stop_token& stop) {
  const IpAddress loopback = IpAddress::fromNumber(Family::kIpv4, INADDR_LOOPBACK);
  const auto body = httpGet(loopback, port, "/proxyMode", deadline, stop);
  if (body) return parseProxyMode(*body);
  Error error = body.error();
  error.message = "kube-proxy does not report its mode: " + error.message;
  return tl::make_unexpected(std::move(error));
}

KubeProxyMode detectKubeProxyMode(CommandRunner& runner, const std::stop_token& stop,
                                  std::uint16_t port) {
  const auto answer = askKubeProxy(port, std::chrono::seconds(2), stop);
  if (answer && *answer != KubeProxyMode::kUnknown) return *answer;
  if (::if_nametoindex("kube-ipvs0") != 0) return KubeProxyMode::kIpvs;
  const std::chrono::milliseconds deadline{10'000};
  const Command tables{"nft", {"list", "tables"}, {}, deadline, [](std::string_view line) {
                         return line.ends_with(" kube-proxy");
                       }};
  if (shows(runner, tables, stop)) return KubeProxyMode::kNftables;
  // An empty chain, by which kube-proxy notices that somebody flushed its rules.
  const Command canary{
      "nft", {"list", "chain", "ip", "mangle", "KUBE-PROXY-CANARY"}, {}, deadline, {}};
  if (shows(runner, canary, stop)) return KubeProxyMode::kIptables;
  return answer ? KubeProxyMode::kUnknown : KubeProxyMode::kNone;
}

Result<void> hostPlacementAllowed(KubeProxyMode mode) {
  const std::string mending =
      "; use --placement=director (the default), or run kube-proxy in iptables mode";
  switch (mode) {
    case KubeProxyMode::kIptables:
    case KubeProxyMode::kNone:
      return {};
    case KubeProxyMode::kIpvs:
      return fail(ErrorCode::kUnsupported,
                  "--placement=host is not possible here: kube-proxy runs in ipvs mode and deletes "
                  "virtual servers that are not its own" +
                      mending);
    case KubeProxyMode::kNftables:
      return fail(ErrorCode::kUnsupported,
                  "--placement=host is not possible here: kube-proxy runs in nftables mode and "
                  "flushes all of IPVS at each of its starts" +
                      mending);
    case KubeProxyMode::kUnknown:
      break;
  }
  return fail(ErrorCode::kUnsupported,
              "--placement=host is not possible here: kube-proxy runs in a mode that is not known, "
              "and may delete virtual servers that are not its own" +
                  mending);
}

}  // namespace barevip::host
