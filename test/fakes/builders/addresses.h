// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "barevip/base/ip.h"

namespace barevip::test {

inline IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }
inline IpRange range(const std::string& text) { return IpRange::parse(text).value(); }

}  // namespace barevip::test
