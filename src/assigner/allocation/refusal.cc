// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/refusal.h"

#include <iterator>
#include <utility>

#include "barevip/model/forwarding.h"

namespace barevip::assigner {
namespace {

constexpr std::size_t kMaxNamed = 3;

}  // namespace

std::string_view nameOf(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kBadRequest:
      return "BadRequest";
    case RefusalReason::kForwardingRefused:
      return model::kForwardingRefused;
    case RefusalReason::kNoPool:
      return "NoPool";
    case RefusalReason::kPoolNotReady:
      return "PoolNotReady";
    case RefusalReason::kNoPoolAdmits:
      return "NoPoolAdmits";
    case RefusalReason::kFamilyMissing:
      return "FamilyMissing";
    case RefusalReason::kPoolExhausted:
      return "PoolExhausted";
    case RefusalReason::kNamespaceLimit:
      return "NamespaceLimit";
    case RefusalReason::kAddressHeld:
      return "AddressHeld";
    case RefusalReason::kShareRefused:
      return "ShareRefused";
    case RefusalReason::kAddressNotInPool:
      return "AddressNotInPool";
    case RefusalReason::kReservationMissing:
      return "ReservationMissing";
    case RefusalReason::kTooManyReservations:
      return "TooManyReservations";
  }
  return "BadRequest";
}

void Obstacle::add(Obstacle other) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(exhausted, other.exhausted);
  append(addresses, other.addresses);
  append(ipObjects, other.ipObjects);
  append(limits, other.limits);
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < kMaxNamed; ++i) {
    text += (i == 0 ? "" : "; ") + parts[i];
  }
  if (parts.size() > kMaxNamed) {
    text += "; and " + std::to_string(parts.size() - kMaxNamed) + " more";
  }
  return text;
}

}  // namespace barevip::assigner
