// SPDX-License-Identifier: Apache-2.0
// What the process is allowed to do (man 7 capabilities). Capabilities belong to a thread: a thread
// inherits its creator's, so the main thread drops before it starts others.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "barevip/base/result.h"
#include "barevip/net/data_path.h"

namespace barevip::host {

enum class Capability : std::uint8_t { kNetAdmin, kNetRaw, kSysAdmin };

/// Whether the calling thread has it in its effective set.
[[nodiscard]] bool hasCapability(Capability capability);

/// kForbidden with a sentence that names what is missing, what for, and how to grant it.
/// kDirector needs NET_ADMIN, NET_RAW and SYS_ADMIN (to enter the namespace), kHost the first two.
[[nodiscard]] Result<void> checkCapabilities(net::Placement placement);

/// The same for `barevip-node init`, which mounts, and writes /proc/sys.
[[nodiscard]] Result<void> checkInitCapabilities();

/// Leaves the calling thread and all that it starts from now on, programs included, with NET_ADMIN
/// and NET_RAW: permitted, effective, inheritable, ambient and bounding set. Those that are missing
/// already stay missing. Call it in the main thread before other threads start, and in a
/// NamespaceThread once it entered.
[[nodiscard]] Result<void> dropCapabilities();

/// The sentence of checkCapabilities for these missing ones; pure.
[[nodiscard]] std::string missingCapabilities(std::span<const Capability> missing);

}  // namespace barevip::host
