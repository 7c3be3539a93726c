// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/base/result.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"

#include "assigner/choice.h"

namespace barevip::assigner {

/// Reads the spec of an IP object that a person made. ns: null if the namespace is not known. The
/// error (kInvalid) is the sentence for that person.
[[nodiscard]] Result<Reservation> reservationOf(const model::IpClaim& claim,
                                                const model::Namespace* ns);

}  // namespace barevip::assigner
