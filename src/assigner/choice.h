// SPDX-License-Identifier: Apache-2.0
// Which addresses a Service should have: a pure function of Pools, holders and the request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assigner/hold_table.h"
#include "assigner/pool_table.h"
#include "assigner/refusal.h"
#include "assigner/request.h"

namespace barevip::assigner {

struct Assignment {
  IpAddress address;
  std::string pool;         ///< that the address counts for
  std::string givenFrom;    ///< the Pool that gave it, which its IP object names
  std::string reservation;  ///< IP object made by a person, in the Service's namespace; else empty
  std::string shareKey;     ///< under which it has the address
  bool regranted = false;   ///< the Service had it, and has it on other terms now

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

[[nodiscard]] Choice choose(const PoolTable& pools, const HoldTable& holds, const Request& request);

/// The choice that changes nothing: what the Service has, families in the order given, others last.
/// shown: what it shows now.
[[nodiscard]] Choice keepAll(const PoolTable& pools, const HoldTable& holds,
                             const kube::ObjectKey& service, const std::vector<Family>& families,
                             const std::vector<IpAddress>& shown, Refusal refusal);

/// What a person's IP object asks for.
struct Reservation {
  kube::ObjectKey claim;
  Applicant applicant;
  std::optional<IpAddress> address;
  std::optional<Family> family;
  std::string pool;
  std::string shareKey;  ///< Services with this key may use it together; empty: one uses it
};

[[nodiscard]] tl::expected<Assignment, Refusal> chooseReservation(const PoolTable& pools,
                                                                  const HoldTable& holds,
                                                                  const Reservation& reservation);

}  // namespace barevip::assigner
