// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  kShareRefused,        ///< it is shared under the Service's key, but the two do not fit together
  kAddressNotInPool,    ///< the address asked for can be given by no Pool
  kReservationMissing,  ///< the IP object asked for holds no address
};
[[nodiscard]] std::string_view nameOf(RefusalReason reason);

struct Refusal {
  RefusalReason reason = RefusalReason::kBadRequest;
  std::string message;  ///< one sentence for people; no counts, so that it is stable

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// The first few, with "; " between them and the number of the others behind.
[[nodiscard]] std::string joined(const std::vector<std::string>& parts);

/// In quotation marks.
[[nodiscard]] std::string quoted(const std::string& text);

}  // namespace barevip::assigner
