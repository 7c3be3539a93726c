// SPDX-License-Identifier: Apache-2.0
#include "common/base/utf8.h"

namespace barevip {

std::string cutUtf8(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return std::string(text.substr(0, end));
}

}  // namespace barevip
