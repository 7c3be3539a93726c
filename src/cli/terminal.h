// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

namespace barevip::cli {

/// Where a command writes.
struct Terminal {
  std::ostream& out;
  std::ostream& messages;  ///< progress, notes and errors
  bool screen = false;     ///< `out` is a screen that can be cleared
  bool color = false;
};

}  // namespace barevip::cli
