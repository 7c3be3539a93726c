// SPDX-License-Identifier: Apache-2.0
// Times as the Kubernetes API writes them (RFC 3339, UTC).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"

namespace barevip {

/// metav1.Time: "2006-01-02T15:04:05Z".
[[nodiscard]] std::string formatSeconds(WallTime time);

/// As conditions and creation times are kept here.
[[nodiscard]] std::int64_t secondsSinceEpoch(WallTime time);
[[nodiscard]] WallTime fromSecondsSinceEpoch(std::int64_t seconds);

/// metav1.MicroTime: "2006-01-02T15:04:05.000000Z".
[[nodiscard]] std::string formatMicros(WallTime time);

/// Any RFC 3339 time with a zone and up to nine digits of fraction; finer than a microsecond is
/// cut.
[[nodiscard]] Result<WallTime> parseRfc3339(std::string_view text);

}  // namespace barevip
