// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace barevip {

/// At most so many bytes of the text, cut between two UTF-8 characters (RFC 3629).
[[nodiscard]] std::string cutUtf8(std::string_view text, std::size_t most);

}  // namespace barevip
