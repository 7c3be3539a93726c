// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/print/style.h"
#include "cli/view/verify.h"

namespace barevip::cli {

/// What is not as before first, then all Services in a table; wide: with the reasons there, too.
void printVerification(const Verification& verification, const Style& style, std::ostream& out);

}  // namespace barevip::cli
