// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "barevip/base/ip.h"

#include "cli/convert/sources.h"

namespace barevip::cli {

/// One entry of spec.addresses or spec.exclude of a Pool.
struct Entry {
  std::string text;
  IpRange range;
};

/// The addresses of the source as a Pool takes them: each in one entry only, no bits beyond the
/// prefix, no more entries than it takes. Reports what is changed or left out on the way.
[[nodiscard]] std::vector<Entry> convertAddresses(const PoolSource& source, Report& report);

/// Its filters as entries of spec.exclude.
[[nodiscard]] std::vector<Entry> convertFilters(const PoolSource& source, Report& report);

}  // namespace barevip::cli
