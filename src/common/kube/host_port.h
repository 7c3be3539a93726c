// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace barevip::kube {

/// Reads `host[:port]` of a URL; IPv6 hosts stand in brackets, which `host` loses. Without a port
/// `port` stays as it is. Nullptr, or what is wrong, e.g. "has no valid port".
[[nodiscard]] const char* readHostPort(std::string_view text, std::string& host,
                                       std::uint16_t& port);

}  // namespace barevip::kube
