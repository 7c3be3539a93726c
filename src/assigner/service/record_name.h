// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "barevip/base/ip.h"

namespace barevip::assigner {

/// The fixed name of the IP object of a Service and an address: "web-192.0.2.1", and for IPv6 eight
/// groups without leading zeros, "web-2001.db8.0.0.0.0.0.1". A valid object name (RFC 1123), and
/// distinct for each pair, since Service names have no dots.
[[nodiscard]] std::string recordName(const std::string& service, const IpAddress& address);

}  // namespace barevip::assigner
