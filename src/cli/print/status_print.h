// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "cli/print/style.h"
#include "view/status.h"

namespace barevip::cli {

/// For people: problems, then Pools, VIPs and nodes. wide: the names of IP objects as well.
void printStatus(const view::Status& status, const Style& style, std::ostream& out);

}  // namespace barevip::cli
