// SPDX-License-Identifier: Apache-2.0
// The kernel's own ip_tables and ip6_tables, changed under the lock that iptables takes, too. All
// functions look into the calling thread's network namespace, at tables that are in use there and
// at no others: a look at one would load its module. Need NET_ADMIN and NET_RAW. They return how
// many rules came and went: 0 on a node that has nothing of it.
#pragma once

#include <cstddef>

#include "barevip/base/result.h"

namespace barevip::host {

/// In FORWARD: see lettingThrough in ip_tables.h.
[[nodiscard]] Result<std::size_t> letThroughIpTables();
[[nodiscard]] Result<std::size_t> takeBackFromIpTables();
/// Chains that releases before nftables made.
[[nodiscard]] Result<std::size_t> removeFormerFromIpTables();

}  // namespace barevip::host
