// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidcheck.h>

#include "history/node/history.h"

namespace barevip::node::history {

/// Histories that shrink to few events with plain values; longest: of how many events at most.
[[nodiscard]] rc::Gen<History> anyHistory(std::size_t longest);

}  // namespace barevip::node::history
