// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/reservation.h"

#include <string>
#include <utility>

namespace barevip::assigner {

namespace {

auto refuse(RefusalReason reason, std::string message) {
  return tl::make_unexpected(Refusal{reason, std::move(message)});
}

}  // namespace

tl::expected<Reservation, Refusal> reservationOf(const model::IpObject& ipObject,
                                                 const model::Namespace* ns) {
  if (ipObject.excess) {
    return refuse(RefusalReason::kTooManyReservations,
                  "the namespace has more than " +
                      std::to_string(model::IpObject::kMaxReservations) +
                      " reservations, of which those with an address and the oldest count: delete "
                      "some of them");
  }
  Reservation reservation;
  reservation.ipObject = ipObject.key;
  reservation.requester = requesterOf(ipObject, ns);
  reservation.pool = ipObject.spec.pool;
  reservation.shareKey = ipObject.spec.shareKey;
  if (ipObject.spec.family == "IPv4") reservation.family = Family::kIpv4;
  if (ipObject.spec.family == "IPv6") reservation.family = Family::kIpv6;
  if (ipObject.status.phase == "Bound") {
    if (const auto shown = IpAddress::parse(ipObject.status.address)) reservation.shown = *shown;
  }
  reservation.recorded = false;
  if (ipObject.spec.address.empty()) return reservation;
  const auto address = IpAddress::parse(ipObject.spec.address);
  if (!address) {
    return refuse(RefusalReason::kBadRequest, "spec.address: " + address.error().message);
  }
  if (reservation.family && *reservation.family != address->family()) {
    return refuse(RefusalReason::kBadRequest,
                  "spec.family and spec.address disagree: leave spec.family out");
  }
  reservation.address = *address;
  return reservation;
}

}  // namespace barevip::assigner
