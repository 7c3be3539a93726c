// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/print/style.h"
#include "cli/view/explain.h"

namespace barevip::cli {

/// For people, in the order of the decisions: address, owner, backends.
void printExplanation(const ServiceExplanation& explanation, const Style& style, std::ostream& out);

}  // namespace barevip::cli
