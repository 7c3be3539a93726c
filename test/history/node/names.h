// SPDX-License-Identifier: Apache-2.0
// The names and addresses of the small world.
#pragma once

#include <string>

#include "barevip/base/ip.h"

#include "history/node/history.h"

namespace barevip::node::history {

/// "n1".
[[nodiscard]] inline std::string nodeName(Pick node) {
  return "n" + std::to_string(node % kNodeCount + 1);
}
[[nodiscard]] inline IpAddress nodeAddress(Pick node) {
  return IpAddress::fromNumber(Family::kIpv4, 0x0a000001U + node % kNodeCount);
}
/// "s1".
[[nodiscard]] inline std::string serviceName(Pick service) {
  return "s" + std::to_string(service % kServiceCount + 1);
}

[[nodiscard]] inline IpAddress ownVip(Pick service, Family family) {
  const Uint128 last = 10U + service % kServiceCount;
  const Uint128 network = family == Family::kIpv4 ? 0xc0000200U : Uint128{0x20010db8U} << 96U;
  return IpAddress::fromNumber(family, network + last);
}
/// Several Services may have it, each with ports of its own.
[[nodiscard]] inline IpAddress sharedVip() {
  return IpAddress::fromNumber(Family::kIpv4, 0xc0000201U);
}
/// Each VIP that there can be.
[[nodiscard]] inline IpAddress vipOf(Pick number) {
  const Pick vip = number % kVipCount;
  if (vip == 2 * kServiceCount) return sharedVip();
  return ownVip(vip, vip < kServiceCount ? Family::kIpv4 : Family::kIpv6);
}
/// Of somebody else.
[[nodiscard]] inline IpAddress foreignVip() {
  return IpAddress::fromNumber(Family::kIpv4, 0xc00002c9U);
}
/// Of nobody.
[[nodiscard]] inline IpAddress strayVip() {
  return IpAddress::fromNumber(Family::kIpv4, 0xc00002c8U);
}

[[nodiscard]] inline IpAddress clusterIp(Pick service, Family family) {
  const Uint128 network = family == Family::kIpv4 ? 0x0a600000U : Uint128{0xfd000096U} << 96U;
  return IpAddress::fromNumber(family, network + 10U + service % kServiceCount);
}
[[nodiscard]] inline IpAddress podAddress(Pick service, Pick pod, Family family) {
  const Uint128 network = family == Family::kIpv4 ? 0x0a010000U : Uint128{0xfd000001U} << 96U;
  return IpAddress::fromNumber(
      family, network + ((1U + service % kServiceCount) << 8U) + 1U + pod % kEndpointCount);
}

}  // namespace barevip::node::history
