// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/kube/object_key.h"
#include "barevip/model/ip_object.h"

namespace barevip::assigner {

/// The Service that owns the IP object; its name is empty if none does.
[[nodiscard]] inline kube::ObjectKey ownerOf(const model::IpObject& ipObject) {
  if (!ipObject.serviceOwner) return {};
  return {ipObject.key.ns, ipObject.serviceOwner->name};
}

}  // namespace barevip::assigner
