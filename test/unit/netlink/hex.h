// SPDX-License-Identifier: Apache-2.0
// Messages as text, four bytes a word as attributes are aligned.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipvsnode/netlink/message.h"

namespace barevip::netlink_test {

inline std::string toHex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 4 == 0) text += ' ';
    text += kDigits[std::to_integer<std::size_t>(bytes[i] >> 4)];
    text += kDigits[std::to_integer<std::size_t>(bytes[i] & std::byte{15})];
  }
  return text;
}

inline std::string toHex(const netlink::Message& message) {
  return toHex(netlink::bytesOf(*message));
}

/// Blanks are for the eye.
inline std::vector<std::byte> fromHex(std::string_view text) {
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    bytes.push_back(static_cast<std::byte>(digit(text[i]) * 16 + digit(text[i + 1])));
    ++i;
  }
  return bytes;
}

/// A message's bytes, kept alive together with the view that decoders take.
class Bytes {
 public:
  explicit Bytes(std::string_view hex) : bytes_(fromHex(hex)) {}

  [[nodiscard]] netlink::Received received() const {
    return netlink::Received::parse(bytes_).value();
  }
  /// The first `size` bytes, as a message that says to be no longer.
  [[nodiscard]] Bytes cutTo(std::size_t size) const {
    Bytes cut = *this;
    cut.bytes_.resize(size);
    cut.bytes_[0] = static_cast<std::byte>(size % 256);
    cut.bytes_[1] = static_cast<std::byte>(size / 256);
    return cut;
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace barevip::netlink_test
