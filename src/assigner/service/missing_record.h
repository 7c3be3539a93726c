// SPDX-License-Identifier: Apache-2.0
// What a Service shows while the IP object that records its address cannot be made. Pure.
#pragma once

#include <set>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/choice.h"
#include "assigner/service/service_plan.h"

namespace barevip::assigner {

/// Whether a person has to act before the record can be made. Any other error may pass soon.
[[nodiscard]] bool refusesRecord(const Error& error);

/// What never had a record is not shown, but a record that was lost and cannot be made again stops
/// no traffic. never: the addresses of the Service that never had a record.
[[nodiscard]] ShownStatus statusWithoutRecord(const model::Service& service, const Choice& choice,
                                              const AllocationTable& allocations,
                                              const std::set<IpAddress>& never, const Error& error);

}  // namespace barevip::assigner
