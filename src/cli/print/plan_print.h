// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/print/style.h"
#include "cli/view/plan.h"

namespace barevip::cli {

/// For people: what they may not want first.
void printPlan(const EditReport& report, const Style& style, std::ostream& out);

}  // namespace barevip::cli
