// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rapidcheck.h>

#include "history/history.h"

namespace barevip::history {

[[nodiscard]] rc::Gen<Event> anyEvent();

/// Histories that shrink to few events with plain values; longest: of how many events at most.
[[nodiscard]] rc::Gen<History> anyHistory(std::size_t longest);

}  // namespace barevip::history
