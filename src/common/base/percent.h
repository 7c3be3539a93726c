// SPDX-License-Identifier: Apache-2.0
// Percent-encoding (RFC 3986, section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace barevip {

/// RFC 3986, section 2.3: the characters that never need to be encoded.
inline constexpr std::string_view kUnreserved =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

/// All bytes but those in `plain` as a percent sign and two digits.
[[nodiscard]] std::string percentEncode(std::string_view text, std::string_view plain);

/// The bytes that are meant; nullopt if two digits do not follow each percent sign.
[[nodiscard]] std::optional<std::string> percentDecode(std::string_view text);

}  // namespace barevip
