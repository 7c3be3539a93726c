// SPDX-License-Identifier: Apache-2.0
// What must happen before the first address is given: everything that is held already is taken up.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "barevip/model/ip_claim.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/allocator.h"

namespace barevip::assigner {

/// The condition of Services that is ours; where it stands, status.loadBalancer was written by us.
inline constexpr const char* kAddressAssigned = "barevip.dev/AddressAssigned";

/// Whether the Service shows an address that is not ours to change: somebody else gave it. holds:
/// whether the allocator knows addresses of it.
[[nodiscard]] bool showsForeign(const model::Service& service, bool holds);

/// The addresses that the Service shows; what is none is left out.
[[nodiscard]] std::vector<IpAddress> shownBy(const model::Service& service);

/// Those of them that it does not hold, though we serve it: somebody edited its status, or a record
/// was lost while it waited for another address. Nobody else may get them while it shows them.
[[nodiscard]] std::vector<IpAddress> shownBesides(const model::Service& service,
                                                  const HoldTable& holds);

struct Snapshot {
  std::vector<model::IpClaim> claims;
  std::vector<model::Service> services;  ///< listed after the claims, so that no owner is missed
  std::function<std::shared_ptr<const model::Namespace>(const std::string&)> namespaceOf;
};

struct TakeUpRules {
  bool requireClass = false;  ///< Services without a loadBalancerClass are not ours
  bool adopt = false;         ///< see adopt() in adoption.h
};

/// Pools must be set. First IP objects that prove a grant, the older one wins; then what our
/// Services show; then records that were never bound, and what those show whose record was no good;
/// then reservations that are being deleted; then, if wanted, what our Services show that somebody
/// else gave; then what other Services show; then reservations that were not bound yet. The order
/// within the snapshot does not matter. Returns the Services of the snapshot whose addresses were
/// adopted.
std::vector<const model::Service*> takeUp(Allocator& allocator, const Snapshot& snapshot,
                                          const TakeUpRules& rules);

}  // namespace barevip::assigner
