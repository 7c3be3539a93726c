// SPDX-License-Identifier: Apache-2.0
// The ipsets of releases before nftables.
#pragma once

#include <cstddef>

#include "barevip/base/result.h"

namespace barevip::netlink {

/// Destroys them in the calling thread's namespace; sets of others are never named. Returns how
/// many there were: 0 without a look where the kernel has no ipset loaded, since a look would load
/// it. Waits up to a second for rules that held them and are gone. Source:
/// linux/netfilter/ipset/ip_set.h.
[[nodiscard]] Result<std::size_t> removeFormerSets();

}  // namespace barevip::netlink
