// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/record_name.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace barevip::assigner {

std::string recordName(const std::string& service, const IpAddress& address) {
  if (address.isIpv4()) return service + "-" + address.toString();
  std::string name = service;
  for (unsigned shift = 128; shift != 0;) {
    shift -= 16;
    const auto group = static_cast<std::uint16_t>(address.number() >> shift);
    std::array<char, 4> text{};
    const auto [end, unused] = std::to_chars(text.data(), text.data() + text.size(), group, 16);
    name += shift == 112 ? '-' : '.';
    name.append(text.data(), end);
  }
  return name;
}

}  // namespace barevip::assigner
