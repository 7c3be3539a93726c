// SPDX-License-Identifier: Apache-2.0
#include "assigner/reservation.h"

#include <string>

namespace barevip::assigner {

Result<Reservation> reservationOf(const model::IpClaim& claim, const model::Namespace* ns) {
  Reservation reservation;
  reservation.claim = claim.key;
  reservation.applicant = applicantOf(claim, ns);
  reservation.pool = claim.spec.pool;
  reservation.shareKey = claim.spec.shareKey;
  if (claim.spec.family == "IPv4") reservation.family = Family::kIpv4;
  if (claim.spec.family == "IPv6") reservation.family = Family::kIpv6;
  if (claim.spec.address.empty()) return reservation;
  const auto address = IpAddress::parse(claim.spec.address);
  if (!address) {
    return fail(ErrorCode::kInvalid, "spec.address: " + address.error().message);
  }
  if (reservation.family && *reservation.family != address->family()) {
    return fail(ErrorCode::kInvalid,
                "spec.family and spec.address disagree: leave spec.family out");
  }
  reservation.address = *address;
  return reservation;
}

}  // namespace barevip::assigner
