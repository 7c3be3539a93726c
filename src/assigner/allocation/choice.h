// SPDX-License-Identifier: Apache-2.0
// Which addresses a Service should have: a pure function of Pools, consumers and the request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/pool_table.h"
#include "assigner/allocation/refusal.h"
#include "assigner/allocation/request.h"

namespace barevip::assigner {

struct Assignment {
  IpAddress address;
  std::string pool;         ///< that the address counts for
  std::string sourcePool;   ///< the Pool that gave it, which its IP object names
  std::string reservation;  ///< IP object made by a person, in the Service's namespace; else empty
  std::string shareKey;     ///< under which it has the address
  bool termsChanged = false;  ///< the Service has it already, and gets it on other terms

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

struct Choice {
  /// In the order to be shown. With a refusal: nothing new, what the Service has stays, and of
  /// several of one family, as a move leaves them that was interrupted, the one that it shows.
  std::vector<Assignment> addresses;
  /// Held by the Service and no longer wanted: to be released when `addresses` are shown.
  std::vector<IpAddress> surplus;
  std::optional<Refusal> refusal;
  /// Why a family that would be welcome is missing (PreferDualStack).
  std::optional<Refusal> incomplete;

  friend bool operator==(const Choice&, const Choice&) = default;
};

/// Of a refused Service the terms change as far as the others on its addresses allow.
[[nodiscard]] Choice choose(const PoolTable& pools, const AllocationTable& allocations,
                            const Request& request);

/// The choice for a request that cannot even be read: what the Service has. Its terms change as
/// those of anybody who is refused. shown: what it shows now.
[[nodiscard]] Choice keep(const PoolTable& pools, const AllocationTable& allocations,
                          const ServiceConsumer& service, const std::vector<IpAddress>& shown,
                          Refusal refusal);

/// What a person's IP object asks for.
struct Reservation {
  kube::ObjectKey ipObject;
  Requester requester;
  std::optional<IpAddress> address;
  std::optional<Family> family;
  std::string pool;
  std::string shareKey;  ///< Services with this key may use it together; empty: one uses it
  /// What its status says that it holds: had before others if it asks for no number.
  std::optional<IpAddress> shown = {};
  /// The API says that it holds what it is given. No Service uses a reservation before.
  bool recorded = true;
};

[[nodiscard]] tl::expected<Assignment, Refusal> chooseReservation(
    const PoolTable& pools, const AllocationTable& allocations, const Reservation& reservation);

}  // namespace barevip::assigner
