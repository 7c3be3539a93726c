// SPDX-License-Identifier: Apache-2.0
// Which addresses a Service should have: a pure function of Pools, holders and the request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assigner/hold_table.h"
#include "assigner/pool_table.h"
#include "assigner/request.h"

namespace barevip::assigner {

/// Reasons of conditions and events.
enum class RefusalReason : std::uint8_t {
  kBadRequest,          ///< an annotation or field is wrong
  kNoPool,              ///< there is no Pool, or not the one asked for
  kPoolNotReady,        ///< the Pools that could give are faulty
  kNoPoolAdmits,        ///< Pools exist, but not for this Service
  kFamilyMissing,       ///< no admitted Pool has addresses of the family
  kPoolExhausted,       ///< all addresses are held
  kAddressHeld,         ///< the address asked for is held by somebody else
  kAddressNotInPool,    ///< the address asked for can be given by no Pool
  kReservationMissing,  ///< the IP object asked for holds no address
};
[[nodiscard]] std::string_view nameOf(RefusalReason reason);

struct Refusal {
  RefusalReason reason = RefusalReason::kBadRequest;
  std::string message;  ///< one sentence for people; no counts, so that it is stable

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

struct Assignment {
  IpAddress address;
  std::string pool;
  std::string reservation;  ///< IP object made by a person, in the Service's namespace; else empty

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

struct Choice {
  /// In the order to be shown. With a refusal: nothing new, what the Service has stays.
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
[[nodiscard]] Choice keepAll(const PoolTable& pools, const HoldTable& holds,
                             const kube::ObjectKey& service, const std::vector<Family>& families,
                             Refusal refusal);

/// What a person's IP object asks for.
struct Reservation {
  kube::ObjectKey claim;
  Applicant applicant;
  std::optional<IpAddress> address;
  std::optional<Family> family;
  std::string pool;
};

[[nodiscard]] tl::expected<Assignment, Refusal> chooseReservation(const PoolTable& pools,
                                                                  const HoldTable& holds,
                                                                  const Reservation& reservation);

}  // namespace barevip::assigner
