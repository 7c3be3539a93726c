// SPDX-License-Identifier: Apache-2.0
// What must happen before the first address is given: all existing allocations are restored.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocator.h"

namespace barevip::assigner {

struct Snapshot {
  std::vector<std::shared_ptr<const model::IpObject>> ipObjects;
  /// Listed after the IP objects, so that no owner is missed.
  std::vector<std::shared_ptr<const model::Service>> services;
  std::function<std::shared_ptr<const model::Namespace>(const std::string&)> namespaceOf;
};

struct RestoreRules {
  model::ClassRules classes;
  bool adopt = false;  ///< see adopt() in adoption.h
};

/// What a Service was given stays its own if it is other rules that do not serve its class any
/// more, and not another class than it had then.
///
/// Pools must be set. First IP objects that prove a grant, the older one wins; then what our
/// Services show; then records that were never bound, and what those show whose record was not
/// usable; then reservations that are being deleted; then, if wanted, what our Services show and
/// barevip did not allocate; then what other Services show; then reservations that were not bound
/// yet. The order within the snapshot does not matter. Returns the Services of the snapshot whose
/// addresses were adopted.
std::vector<const model::Service*> restore(Allocator& allocator, const Snapshot& snapshot,
                                           const RestoreRules& rules);

}  // namespace barevip::assigner
