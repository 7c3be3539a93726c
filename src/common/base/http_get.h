// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

namespace barevip {

/// GET http://address:port/path by HTTP/1.0: the body of an answer with status 200, of which the
/// first 4 KiB with its head count. kUnavailable if nobody listens or no route leads there,
/// kTimeout, kStopped, kInvalid for an answer other than HTTP 200.
[[nodiscard]] Result<std::string> httpGet(const IpAddress& address, std::uint16_t port,
                                          const std::string& path,
                                          std::chrono::milliseconds deadline,
                                          const std::stop_token& stop = {});

}  // namespace barevip
