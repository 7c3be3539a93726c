// SPDX-License-Identifier: Apache-2.0
// What the queues of a session hold: keys of objects, and work that is not about one object.
#pragma once

#include <compare>
#include <string>
#include <variant>

#include "barevip/kube/object_key.h"

namespace barevip::controlplane {

/// All consumers that wait for an address look again. Requests that come while it is queued cost
/// nothing.
struct EveryWaiter {
  [[nodiscard]] static std::string toString() { return "everything that waits"; }
  friend auto operator<=>(const EveryWaiter&, const EveryWaiter&) = default;
};

/// Addresses whose reuseDelay is over go to consumers that wait.
struct RestedAddresses {
  [[nodiscard]] static std::string toString() { return "addresses after their reuseDelay"; }
  friend auto operator<=>(const RestedAddresses&, const RestedAddresses&) = default;
};

/// IP objects in the DeferredQueue whose turn has come.
struct DeferredIps {
  [[nodiscard]] static std::string toString() { return "deferred IP objects"; }
  friend auto operator<=>(const DeferredIps&, const DeferredIps&) = default;
};

/// The counts of any Pool may differ.
struct EveryPool {
  [[nodiscard]] static std::string toString() { return "every Pool"; }
  friend auto operator<=>(const EveryPool&, const EveryPool&) = default;
};

using ServiceWork = std::variant<kube::ObjectKey, EveryWaiter, RestedAddresses>;
using IpWork = std::variant<kube::ObjectKey, DeferredIps>;
using PoolWork = std::variant<kube::ObjectKey, EveryPool>;

/// For the log.
template <class Work>
[[nodiscard]] std::string describe(const Work& work) {
  return std::visit([](const auto& each) { return each.toString(); }, work);
}

}  // namespace barevip::controlplane
