// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "barevip/base/ip.h"

namespace barevip {

/// An address as Kubernetes reads it where it must accept what it once accepted
/// (k8s.io/utils/net.ParseIPSloppy): leading zeros of a decimal part do not count, and an IPv4
/// address in IPv6 form is that IPv4 address. nullopt: Kubernetes does not read it either.
[[nodiscard]] std::optional<IpAddress> parseSloppyIp(std::string_view text);

}  // namespace barevip
