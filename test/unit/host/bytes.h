// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace barevip::host {

/// "00 01 ff" as bytes.
inline std::vector<std::byte> fromHex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
    bytes.push_back(std::byte(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

template <class Bytes>
std::vector<std::byte> asVector(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace barevip::host
