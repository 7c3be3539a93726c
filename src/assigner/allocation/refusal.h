// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::assigner {

/// Reasons of conditions and events.
enum class RefusalReason : std::uint8_t {
  kBadRequest,           ///< an annotation or field is wrong
  kForwardingRefused,    ///< nobody forwards as the Service asks for
  kNoPool,               ///< there is no Pool, or not the one asked for
  kPoolNotReady,         ///< the Pools that could give are faulty
  kNoPoolAdmits,         ///< Pools exist, but not for this Service
  kFamilyMissing,        ///< no admitted Pool has addresses of the family
  kPoolExhausted,        ///< all addresses are held
  kNamespaceLimit,       ///< the namespace has as many as the Pool lets it have
  kAddressHeld,          ///< the address asked for belongs to another consumer
  kShareRefused,         ///< it is shared under the Service's key, but the two do not fit together
  kAddressNotInPool,     ///< the address asked for can be given by no Pool
  kReservationMissing,   ///< the IP object asked for holds no address
  kTooManyReservations,  ///< the namespace has more IP objects than count
};
[[nodiscard]] std::string_view nameOf(RefusalReason reason);

inline constexpr std::array kRefusalReasons{RefusalReason::kBadRequest,
                                            RefusalReason::kForwardingRefused,
                                            RefusalReason::kNoPool,
                                            RefusalReason::kPoolNotReady,
                                            RefusalReason::kNoPoolAdmits,
                                            RefusalReason::kFamilyMissing,
                                            RefusalReason::kPoolExhausted,
                                            RefusalReason::kNamespaceLimit,
                                            RefusalReason::kAddressHeld,
                                            RefusalReason::kShareRefused,
                                            RefusalReason::kAddressNotInPool,
                                            RefusalReason::kReservationMissing,
                                            RefusalReason::kTooManyReservations};

/// What stands in the way and may go by what others do. What edits of Pools, of labels or of the
/// request itself can change is not listed: then everybody concerned is looked at.
struct Obstacle {
  /// The addresses of one family of a Pool.
  struct OfPool {
    std::string pool;
    Family family = Family::kIpv4;

    friend auto operator<=>(const OfPool&, const OfPool&) = default;
  };
  std::vector<OfPool> exhausted = {};           ///< there are some, none of them free
  std::vector<IpAddress> addresses = {};        ///< asked for by number, and held
  std::vector<kube::ObjectKey> ipObjects = {};  ///< asked for by name, and one of them does not do
  std::vector<OfPool> limits = {};              ///< the namespace has as many as it may have

  /// Another way to what is asked for: it is enough that one of the two goes.
  void add(Obstacle other);

  friend bool operator==(const Obstacle&, const Obstacle&) = default;
};

struct Refusal {
  RefusalReason reason = RefusalReason::kBadRequest;
  std::string message;  ///< one sentence for people; no counts, so that it is stable
  Obstacle obstacle = {};

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// The first few, with "; " between them and the number of the others behind.
[[nodiscard]] std::string joined(const std::vector<std::string>& parts);

/// In quotation marks.
[[nodiscard]] std::string quoted(const std::string& text);

}  // namespace barevip::assigner
