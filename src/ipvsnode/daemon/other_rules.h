// SPDX-License-Identifier: Apache-2.0
// What the packet filter changes beside its table, and nft does not see.
#pragma once

#include "ipvsnode/filter/packet_filter_nft.h"

namespace barevip::node {

/// In the calling thread's network namespace: the kernel's own ip_tables, and ipsets. Its functions
/// need NET_ADMIN and NET_RAW.
[[nodiscard]] host::OtherRules otherRules();

}  // namespace barevip::node
