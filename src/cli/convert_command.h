// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/options.h"

namespace barevip::cli {

/// Reads files, or `in`; Pools go to `out`, notes and errors to `messages`, a line each. Returns
/// the exit status: 0, 1 if something is malformed, 4 if the Pools would serve fewer or announce in
/// fewer places and --lossy is not given, 3 for notes with --strict. Unless it is 0, nothing goes
/// to `out`: half of a configuration must not be applied.
[[nodiscard]] int runConvert(const ConvertOptions& options, std::istream& in, std::ostream& out,
                             std::ostream& messages);

}  // namespace barevip::cli
