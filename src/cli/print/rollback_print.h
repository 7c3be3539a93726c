// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <vector>

#include "cli/print/style.h"
#include "cli/view/rollback.h"

namespace barevip::cli {

/// What each step writes, and why some do not. Services that are as they were are counted only.
void printRollback(const std::vector<RollbackStep>& plan, const Style& style, std::ostream& out);

}  // namespace barevip::cli
