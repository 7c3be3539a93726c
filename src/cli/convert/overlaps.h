// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "barevip/base/ip.h"

#include "cli/convert/addresses.h"

namespace barevip::cli {

/// What a Pool gives.
struct Given {
  std::vector<Entry> addresses;
  std::vector<Entry> exclude;
};

/// A part that both give, if any.
[[nodiscard]] std::optional<IpRange> commonPart(const Given& a, const Given& b);

}  // namespace barevip::cli
