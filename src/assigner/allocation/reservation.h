// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"

#include "assigner/allocation/choice.h"
#include "assigner/allocation/refusal.h"

namespace barevip::assigner {

/// Reads the spec of an IP object that a person made. ns: null if the namespace is not known.
[[nodiscard]] tl::expected<Reservation, Refusal> reservationOf(const model::IpObject& ipObject,
                                                               const model::Namespace* ns);

}  // namespace barevip::assigner
