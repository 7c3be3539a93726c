// SPDX-License-Identifier: Apache-2.0
// The Lease of a node, written.
#pragma once

#include <optional>
#include <stop_token>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/model/meta.h"
#include "barevip/model/node.h"

namespace barevip::node {

/// Merges the Lease into the one of its name, or creates it, to be deleted with its owner. False:
/// there is none, and without an owner none is made.
Result<bool> writeLease(kube::Api& api, const model::Lease& lease,
                        const std::optional<model::OwnerReference>& owner,
                        const std::stop_token& stop);

}  // namespace barevip::node
