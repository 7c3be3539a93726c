// SPDX-License-Identifier: Apache-2.0
// Text without what must not leave a cluster. Pure.
#pragma once

#include <string>
#include <string_view>

namespace barevip::cli {

inline constexpr const char* kRedacted = "[redacted]";

/// Replaces bearer and basic credentials, JSON Web Tokens (RFC 7519), values of what is called
/// token, password, secret or apikey, and of http and https URLs all but scheme, host and port:
/// the path of a webhook is its credential. Everything else stays as it is.
[[nodiscard]] std::string redacted(std::string_view text);

}  // namespace barevip::cli
