// SPDX-License-Identifier: Apache-2.0
// What the status of a Service says about its addresses. Pure.
#pragma once

#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/choice.h"

namespace barevip::assigner {

/// The condition of Services that is ours; where it stands, status.loadBalancer was written by us.
inline constexpr const char* kAddressAssigned = "barevip.dev/AddressAssigned";

/// Its reason while all is well.
inline constexpr const char* kAssigned = "Assigned";

/// Its reasons while the record of an address cannot be made.
inline constexpr const char* kRecordNameTaken = "RecordNameTaken";
inline constexpr const char* kRecordRefused = "RecordRefused";

/// Whether the condition says that the record of the Service's address cannot be made. The only
/// reason that is read back as state: it survives the process that wrote it.
[[nodiscard]] bool recordRefused(const model::Service& service);

/// The addresses that the Service shows; what is not an address is left out.
[[nodiscard]] std::vector<IpAddress> shownBy(const model::Service& service);

/// What it shows was given, also where nodes must not serve it because its record is missing.
[[nodiscard]] bool saysAssigned(const model::Service& service);

/// The addresses that it shows and that its condition says we gave: all while the condition says
/// that it is assigned; else those that it keeps although it asks for something that it cannot
/// have.
[[nodiscard]] std::vector<IpAddress> givenBy(const model::Service& service);

/// Of givenBy() those that the message of the condition names as well: whoever edits the ingress
/// alone leaves the message as it was.
[[nodiscard]] std::vector<IpAddress> namedBy(const model::Service& service);

/// Whether the Service shows an address that is not ours to change: barevip did not allocate it.
/// holds: whether the allocator knows addresses of it.
[[nodiscard]] bool showsForeign(const model::Service& service, bool allocations);

/// The addresses that it shows and does not hold, though we serve it: a person edited its status,
/// or a record was lost while it waited for another address. Nobody else may get them while it
/// shows them.
[[nodiscard]] std::vector<IpAddress> shownBesides(const model::Service& service,
                                                  const AllocationTable& allocations);

/// The message of the condition. givenBy() and namedBy() read it back.
[[nodiscard]] std::string messageOf(const Choice& choice);

}  // namespace barevip::assigner
