// SPDX-License-Identifier: Apache-2.0
// Any text is refused or parsed; what was parsed prints and parses to the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "barevip/base/ip.h"

namespace {

template <class T>
void roundTrip(std::string_view text) {
  const auto parsed = T::parse(text);
  if (!parsed) return;
  const auto again = T::parse(parsed->toString());
  if (!again || !(*again == *parsed)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  roundTrip<barevip::IpAddress>(text);
  roundTrip<barevip::IpRange>(text);
  roundTrip<barevip::IpPrefix>(text);
  return 0;
}
