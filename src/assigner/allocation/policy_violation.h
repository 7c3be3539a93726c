// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "barevip/base/ip.h"

#include "assigner/allocation/admission.h"
#include "assigner/allocation/pool_table.h"

namespace barevip::assigner {

/// Reasons of conditions for addresses that are kept, but would not be allocated as things are now.
inline constexpr const char* kNotAdmitted = "NotAdmitted";
inline constexpr const char* kOutsidePool = "OutsidePool";

/// Why the Pool would not allocate the address again: it has it no longer, goes away or is gone
/// (OutsidePool), or its rules do not admit the requester (NotAdmitted). pool: that the address
/// counts for (PoolTable::home). nullopt: all is well.
[[nodiscard]] std::optional<ConditionReason> violationOf(const PoolTable& pools,
                                                         const IpAddress& address,
                                                         const std::string& pool,
                                                         const Requester& requester);

}  // namespace barevip::assigner
