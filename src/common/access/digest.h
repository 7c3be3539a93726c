// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace barevip::access {

using Digest = std::array<unsigned char, 32>;

/// SHA-256 (FIPS 180-4): what stands for a token where it is remembered, so that neither memory nor
/// the time that a comparison takes shows the token.
[[nodiscard]] Digest digestOf(std::string_view text);

}  // namespace barevip::access
